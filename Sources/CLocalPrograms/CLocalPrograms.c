#define _GNU_SOURCE
#include "CLocalPrograms.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int kontor_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int kontor_process_descriptor(int process) { return (int)syscall(SYS_pidfd_open, process, 0); }
