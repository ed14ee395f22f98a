#ifndef KONTOR_CLIBCRYPTO_H
#define KONTOR_CLIBCRYPTO_H

// The functions for one hash algorithm, whose state is a plain value, are deprecated for the sake of those that take any.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#endif
