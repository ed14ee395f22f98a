#define _GNU_SOURCE
#include "CRnp.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// librnp as Debian builds it writes a line to standard error for everything that is not well with a signature, and has
// no way to turn that off (its switch is only in builds with NDEBUG). What it says goes into verdicts; the program's
// standard error is for the user. So the function of the C library that librnp writes with is defined here too, and does
// nothing when librnp calls it, but what it always does when others do.

extern int __vfprintf_chk(FILE *stream, int flag, const char *format, va_list arguments);

int __fprintf_chk(FILE *stream, int flag, const char *format, ...) {
  Dl_info caller;
  if (dladdr(__builtin_return_address(0), &caller) && caller.dli_fname &&
      strstr(caller.dli_fname, "/librnp.so")) {
    return 0;
  }
  va_list arguments;
  va_start(arguments, format);
  int count = __vfprintf_chk(stream, flag, format, arguments);
  va_end(arguments);
  return count;
}
