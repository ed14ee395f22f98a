#ifndef KONTOR_CLOCALPROGRAMS_H
#define KONTOR_CLOCALPROGRAMS_H

/// pipe2(2) with O_CLOEXEC, which Swift's Glibc module lacks: the ends are never open in a program that another thread
/// starts meanwhile. Returns 0, or -1 with errno.
int kontor_pipe(int ends[2]);

/// pidfd_open(2), of Linux 5.3: a descriptor that is closed on exec and can be read from when the process has ended.
/// Returns -1 with errno on failure.
int kontor_process_descriptor(int process);

#endif
