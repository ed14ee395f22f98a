#ifndef KONTOR_CSTORAGE_H
#define KONTOR_CSTORAGE_H

#include <stdint.h>

/// Starts to write a file's range to disk and does not wait for it: sync_file_range(2), which Swift's Glibc
/// module lacks. Only a hint; returns 0, or -1 with errno.
int kontor_start_write_back(int descriptor, int64_t offset, int64_t length);

#endif
