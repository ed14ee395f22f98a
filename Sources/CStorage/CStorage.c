#define _GNU_SOURCE
#include "CStorage.h"

#include <fcntl.h>

int kontor_start_write_back(int descriptor, int64_t offset, int64_t length) {
  return sync_file_range(descriptor, offset, length, SYNC_FILE_RANGE_WRITE);
}
