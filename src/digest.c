/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "scarcity.h"

struct digest {
  EVP_MD *sha256;
  EVP_MD_CTX *context;
  EVP_MAC_CTX *hmac;
};

/* Static functions return what OpenSSL's do: 1 for success. This one ends what
   ERR_set_mark began. */
static enum digest_status finish(int done)
{
  enum digest_status status = DIGEST_OK;
  if (!done)
    status = scarcity_of_openssl() ? DIGEST_NO_MEMORY : DIGEST_REFUSED;
  ERR_pop_to_mark();
  return status;
}

static int acquire(struct digest *digest)
{
  digest->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
  digest->context = EVP_MD_CTX_new();

  EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  if (hmac) {
    digest->hmac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac); /* the context holds it now */
  }
  if (!digest->sha256 || !digest->context || !digest->hmac)
    return 0;

  char name[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, sizeof(name) - 1),
      OSSL_PARAM_END};
  return EVP_MAC_CTX_set_params(digest->hmac, params);
}

enum digest_status digest_new(struct digest **out)
{
  *out = NULL;
  struct digest *digest = OPENSSL_zalloc(sizeof(*digest));
  if (!digest)
    return DIGEST_NO_MEMORY;
  ERR_set_mark();
  enum digest_status status = finish(acquire(digest));
  if (status == DIGEST_OK)
    *out = digest;
  else
    digest_free(digest);
  return status;
}

void digest_free(struct digest *digest)
{
  if (!digest)
    return;
  EVP_MAC_CTX_free(digest->hmac); /* cleanses its key */
  EVP_MD_CTX_free(digest->context);
  EVP_MD_free(digest->sha256);
  OPENSSL_clear_free(digest, sizeof(*digest));
}

static int hash(EVP_MD_CTX *context, const EVP_MD *sha256,
                const struct bytes *pieces, size_t count,
                unsigned char out[DIGEST_SIZE])
{
  int done = context && EVP_DigestInit_ex2(context, sha256, NULL);
  for (size_t i = 0; done && i < count; i++)
    done = EVP_DigestUpdate(context, pieces[i].data, pieces[i].len);
  return done && EVP_DigestFinal_ex(context, out, NULL);
}

enum digest_status digest_sha256(struct digest *digest, struct bytes in,
                                 unsigned char out[DIGEST_SIZE])
{
  ERR_set_mark();
  return finish(hash(digest->context, digest->sha256, &in, 1, out));
}

enum digest_status digest_of_pieces(const struct bytes *pieces, size_t count,
                                    unsigned char out[DIGEST_SIZE])
{
  ERR_set_mark();
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int done = hash(context, EVP_sha256(), pieces, count, out);
  EVP_MD_CTX_free(context);
  return finish(done);
}

enum digest_status digest_set_key(struct digest *digest,
                                  const unsigned char *key, size_t len)
{
  ERR_set_mark();
  return finish(EVP_MAC_init(digest->hmac, key, len, NULL));
}

enum digest_status digest_hmac(struct digest *digest, struct bytes in,
                               unsigned char out[DIGEST_SIZE])
{
  const unsigned char *data = (const unsigned char *)in.data;
  size_t len = 0;
  ERR_set_mark();
  int done = EVP_MAC_init(digest->hmac, NULL, 0, NULL) && /* the same key */
             EVP_MAC_update(digest->hmac, data, in.len) &&
             EVP_MAC_final(digest->hmac, out, &len, DIGEST_SIZE);
  return finish(done && len == DIGEST_SIZE);
}

void digest_to_hex(const unsigned char digest[DIGEST_SIZE],
                   char out[DIGEST_HEX])
{
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    out[2 * i] = digits[digest[i] >> 4];
    out[2 * i + 1] = digits[digest[i] & 15];
  }
}
