/* SPDX-License-Identifier: MIT */
/* SHA-256 and HMAC-SHA256, by OpenSSL. Every function leaves the thread's
   queue of OpenSSL errors as it was: in nginx an entry that is left there makes
   another connection's handshake fail. */
#ifndef BALANCE_DIGEST_H
#define BALANCE_DIGEST_H

#include <stddef.h>

#include "bytes.h"

#pragma GCC visibility push(hidden)

enum { DIGEST_SIZE = 32, DIGEST_HEX = 2 * DIGEST_SIZE };

enum digest_status {
  DIGEST_OK,
  DIGEST_NO_MEMORY,
  DIGEST_REFUSED /* OpenSSL may not: SHA-256 or HMAC can be switched off */
};

/* OpenSSL's objects for both, to be used again and again. */
struct digest;

/* Makes one; the caller owns it and frees it with digest_free. */
enum digest_status digest_new(struct digest **out);

/* Cleanses the HMAC's key and frees it. NULL is fine. */
void digest_free(struct digest *digest);

enum digest_status digest_sha256(struct digest *digest, struct bytes in,
                                 unsigned char out[DIGEST_SIZE]);

/* Sets the HMAC's key, which stays until the next one. */
enum digest_status digest_set_key(struct digest *digest,
                                  const unsigned char *key, size_t len);

enum digest_status digest_hmac(struct digest *digest, struct bytes in,
                               unsigned char out[DIGEST_SIZE]);

/* The SHA-256 of the pieces, one after another, without a struct digest. */
enum digest_status digest_of_pieces(const struct bytes *pieces, size_t count,
                                    unsigned char out[DIGEST_SIZE]);

/* Writes hexadecimal digits, without a zero at the end. */
void digest_to_hex(const unsigned char digest[DIGEST_SIZE],
                   char out[DIGEST_HEX]);

#pragma GCC visibility pop

#endif
