#ifndef KONTOR_CARCHIVE_H
#define KONTOR_CARCHIVE_H

// libarchive for tar, zstd and bzip2; zlib and liblzma beside it, because libarchive 3.6 does not compare a gzip
// member's checksum and sets no limit to what an xz stream makes the decoder allocate; libdeflate to compress.
#include <archive.h>
#include <archive_entry.h>
#include <libdeflate.h>
#include <lzma.h>
#include <zlib.h>

// What Swift's Glibc module lacks.
#include <fcntl.h>
#include <locale.h>
#include <stdint.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>

/// O_PATH, which fcntl.h has only under _GNU_SOURCE.
static const int kontor_open_path = 010000000;
/// lseek(2)'s SEEK_DATA and SEEK_HOLE, likewise.
static const int kontor_seek_data = 3;
static const int kontor_seek_hole = 4;

static inline dev_t kontor_device(unsigned int major_number, unsigned int minor_number) {
  return makedev(major_number, minor_number);
}

static inline unsigned int kontor_device_major(dev_t device) { return major(device); }
static inline unsigned int kontor_device_minor(dev_t device) { return minor(device); }

/// The locale in which libarchive takes names as UTF-8, whatever the process's is; null if there is none.
static inline void *kontor_utf8_locale(void) { return newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); }
static inline void kontor_free_locale(void *locale) { freelocale((locale_t)locale); }
/// Sets this thread's locale and returns the one before.
static inline void *kontor_use_locale(void *locale) { return uselocale((locale_t)locale); }

/// A macro of zlib: gzip with the largest window.
static inline int kontor_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

/// A macro of liblzma: streams may follow each other.
static const uint32_t kontor_xz_concatenated = LZMA_CONCATENATED;

#endif
