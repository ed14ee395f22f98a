#ifndef KONTOR_CRUNTIMES_H
#define KONTOR_CRUNTIMES_H

/// Finds `path` as if the directory `root` were the root of the file system: links and `..` do not lead out of it.
/// openat2(2) with RESOLVE_IN_ROOT, of Linux 5.6, which Swift's Glibc module lacks. Returns a descriptor that is closed
/// on exec and is for looking only (O_PATH), or -1 with errno.
int kontor_find_in_root(int root, const char *path);

#endif
