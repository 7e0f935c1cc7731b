/* SPDX-License-Identifier: MIT */
/* The TC3 signer against the vendor's page, written down a second time with
   OpenSSL's one-shot calls: whatever one signer signed before, the next
   signature is the page's too.

   An input is requests, fields with bars between them; see `change`. */
#define _POSIX_C_SOURCE 200809L /* gmtime_r */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

#include "input.h"
#include "tc3.h"

enum {
  MAX_REQUESTS = 6,
  MAX_HEADERS = 6,
  MAX_REPEATED = 80000, /* bytes of a field, more than the signer takes */
  LIMIT = 65536,        /* bytes of each text */
  DAY = 86400
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -- the page, with plain means -------------------------------------------- */

struct text {
  size_t len;
  char data[24 * MAX_REPEATED];
};

static void add(struct text *text, const void *data, size_t len)
{
  PROMISE(len <= sizeof(text->data) - text->len);
  if (len)
    memcpy(text->data + text->len, data, len);
  text->len += len;
}

static void add_string(struct text *text, const char *string)
{
  add(text, string, strlen(string));
}

static void add_bytes(struct text *text, struct bytes bytes)
{
  add(text, bytes.data, bytes.len);
}

static void add_hex(struct text *text, const unsigned char *digest)
{
  for (size_t i = 0; i < DIGEST_SIZE; i++) {
    char two[3];
    snprintf(two, sizeof(two), "%02x", digest[i]);
    add(text, two, 2);
  }
}

static void add_hash(struct text *text, const void *data, size_t len)
{
  unsigned char digest[DIGEST_SIZE];
  PROMISE(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL));
  add_hex(text, digest);
}

static void keyed_hash(const void *key, size_t key_len, const char *data,
                       size_t len, unsigned char *out)
{
  PROMISE(HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)data,
               len, out, NULL));
}

static int by_name(const struct header *a, const struct header *b)
{
  size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
  int order = shorter ? memcmp(a->name.data, b->name.data, shorter) : 0;
  return order                       ? order
         : a->name.len < b->name.len ? -1
                                     : a->name.len > b->name.len;
}

/* The one that comes next: of the same name, the first given. */
static size_t next_header(const struct header *headers, size_t count,
                          const bool *used)
{
  size_t next = count;
  for (size_t i = 0; i < count; i++)
    if (!used[i] &&
        (next == count || by_name(&headers[i], &headers[next]) < 0))
      next = i;
  return next;
}

static void add_header(struct text *text, struct header header)
{
  const char *value = header.value.data;
  size_t len = header.value.len;
  while (len && (*value == ' ' || *value == '\t')) {
    value++;
    len--;
  }
  while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
    len--;
  add_bytes(text, header.name);
  add_string(text, ":");
  for (size_t i = 0; i < len; i++) {
    char c = value[i];
    if (c >= 'A' && c <= 'Z')
      c = (char)(c | 0x20);
    add(text, &c, 1);
  }
  add_string(text, "\n");
}

/* False where one of the texts is longer than the signer may make it. */
static bool page(const struct tc3_request *request, struct text *out)
{
  static struct text canonical, names, to_sign;
  canonical.len = names.len = to_sign.len = out->len = 0;
  add_bytes(&canonical, request->method);
  add_string(&canonical, "\n");
  add_bytes(&canonical, request->path);
  add_string(&canonical, "\n");
  add_bytes(&canonical, request->query);
  add_string(&canonical, "\n");
  bool used[MAX_HEADERS] = {false};
  for (size_t i = 0; i < request->header_count; i++) {
    size_t next = next_header(request->headers, request->header_count, used);
    used[next] = true;
    add_header(&canonical, request->headers[next]);
    add_string(&names, i ? ";" : "");
    add_bytes(&names, request->headers[next].name);
  }
  add_string(&canonical, "\n");
  add(&canonical, names.data, names.len);
  add_string(&canonical, "\n");
  add_hash(&canonical, request->payload.data, request->payload.len);

  char date[16];
  struct tm tm;
  time_t seconds = (time_t)request->timestamp;
  PROMISE(gmtime_r(&seconds, &tm) &&
          strftime(date, sizeof(date), "%Y-%m-%d", &tm) == TC3_DATE);
  char line[64];
  snprintf(line, sizeof(line), "TC3-HMAC-SHA256\n%lld\n%s/",
           (long long)request->timestamp, date);
  add_string(&to_sign, line);
  add_bytes(&to_sign, request->service);
  add_string(&to_sign, "/tc3_request\n");
  add_hash(&to_sign, canonical.data, canonical.len);

  static struct text secret;
  unsigned char a[DIGEST_SIZE], b[DIGEST_SIZE];
  secret.len = 0;
  add_string(&secret, "TC3");
  add_bytes(&secret, request->secret_key);
  keyed_hash(secret.data, secret.len, date, TC3_DATE, a);
  keyed_hash(a, sizeof(a), request->service.data, request->service.len, b);
  keyed_hash(b, sizeof(b), "tc3_request", strlen("tc3_request"), a);
  keyed_hash(a, sizeof(a), to_sign.data, to_sign.len, b);

  add_string(out, "TC3-HMAC-SHA256 Credential=");
  add_bytes(out, request->secret_id);
  add_string(out, "/");
  add_string(out, date);
  add_string(out, "/");
  add_bytes(out, request->service);
  add_string(out, "/tc3_request, SignedHeaders=");
  add(out, names.data, names.len);
  add_string(out, ", Signature=");
  add_hex(out, b);
  return canonical.len <= LIMIT && to_sign.len <= LIMIT && out->len <= LIMIT &&
         request->service.len <= 63;
}

/* -- requests made of bytes ------------------------------------------------ */

struct memory {
  char *owned[64];
  size_t count;
};

/* A copy of its own, so that a byte too many is seen, and now and then much
   longer than the input. */
static struct bytes field(struct input *input, struct memory *memory)
{
  struct bytes piece = take_field(input);
  size_t times = 1;
  if (piece.len && piece.data[0] == '*') { /* "*ab": that, often */
    unsigned often = take_byte(input);
    times = often < 224 ? often % 4
                        : (often - 223) * (MAX_REPEATED / 32) / piece.len;
  }
  size_t len = piece.len * times;
  char *copy = malloc(len);
  PROMISE((copy || !len) && memory->count < 64);
  for (size_t i = 0; i < times && piece.len; i++)
    memcpy(copy + i * piece.len, piece.data, piece.len);
  memory->owned[memory->count++] = copy;
  return (struct bytes){copy, len};
}

/* The same request but for what the next byte names. */
static void change(struct tc3_request *request, struct input *input,
                   struct memory *memory)
{
  unsigned what = take_byte(input);
  if (what & 1)
    request->secret_key = field(input, memory);
  if (what & 2)
    request->service = field(input, memory);
  if (what & 4)
    request->timestamp = (int64_t)take_short(input) * take_short(input) *
                         take_short(input) % (TC3_MAX_TIMESTAMP + 1);
  if (what & 8 && request->timestamp < TC3_MAX_TIMESTAMP - DAY)
    request->timestamp += DAY;
  if (what & 16)
    request->payload = field(input, memory);
  if (what & 32) {
    request->secret_id = field(input, memory);
    request->method = field(input, memory);
    request->path = field(input, memory);
    request->query = field(input, memory);
  }
  if (what & 64) {
    request->header_count = take_byte(input) % (MAX_HEADERS + 1);
    for (size_t i = 0; i < request->header_count; i++) {
      struct header *header = &request->headers[i];
      header->name = field(input, memory);
      header->value = field(input, memory);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  static struct text expected;
  struct tc3 *tc3;
  PROMISE(tc3_new(&tc3) == TC3_OK);
  struct memory memory = {.count = 0};
  struct header headers[MAX_HEADERS];
  const struct bytes none = BYTES("");
  struct tc3_request request = {.secret_id = none,
                                .secret_key = none,
                                .service = none,
                                .method = none,
                                .path = none,
                                .query = none,
                                .payload = none,
                                .headers = headers};

  for (int i = 0; i < MAX_REQUESTS && input.len && memory.count < 40; i++) {
    change(&request, &input, &memory);
    bool fits = page(&request, &expected);
    struct bytes signature;
    enum tc3_status status = tc3_sign(tc3, &request, &signature);
    PROMISE(status == (fits ? TC3_OK : TC3_TOO_LONG));
    if (fits)
      PROMISE(signature.len == expected.len &&
              memcmp(signature.data, expected.data, expected.len) == 0);
    else
      PROMISE(signature.data == NULL && signature.len == 0);
  }

  tc3_free(tc3);
  while (memory.count)
    free(memory.owned[--memory.count]);
  return 0;
}
