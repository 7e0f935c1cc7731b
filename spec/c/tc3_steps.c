/* SPDX-License-Identifier: MIT */
/* Prints every step of a TC3 signature on its own line, so that a spec can name
   the wrong one.

   tc3_steps SECRET_ID SECRET_KEY SERVICE METHOD PATH QUERY PAYLOAD TIMESTAMP
             [NAME VALUE]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "tc3.h"

enum { FIXED = 9, MAX_HEADERS = 16 };

static struct bytes bytes_of(const char *text)
{
  return (struct bytes){text, strlen(text)};
}

static void check(enum tc3_status status, const char *step)
{
  if (status != TC3_OK) {
    fprintf(stderr, "%s: status %d\n", step, (int)status);
    exit(EXIT_FAILURE);
  }
}

static void print_text(const char *name, struct bytes text)
{
  printf("%s=", name);
  for (size_t i = 0; i < text.len; i++)
    if (text.data[i] == '\n')
      fputs("\\n", stdout);
    else
      putchar(text.data[i]);
  putchar('\n');
}

static void print_digest(const char *name, const unsigned char *digest)
{
  printf("%s=", name);
  for (size_t i = 0; i < DIGEST_SIZE; i++)
    printf("%02x", digest[i]);
  putchar('\n');
}

int main(int argc, char **argv)
{
  struct header headers[MAX_HEADERS];
  size_t count = 0;
  for (int i = FIXED; i + 1 < argc && count < MAX_HEADERS; i += 2)
    headers[count++] =
        (struct header){bytes_of(argv[i]), bytes_of(argv[i + 1])};
  if (argc < FIXED)
    return EXIT_FAILURE;
  struct tc3_request request = {.secret_id = bytes_of(argv[1]),
                                .secret_key = bytes_of(argv[2]),
                                .service = bytes_of(argv[3]),
                                .method = bytes_of(argv[4]),
                                .path = bytes_of(argv[5]),
                                .query = bytes_of(argv[6]),
                                .payload = bytes_of(argv[7]),
                                .timestamp = strtoll(argv[8], NULL, 10),
                                .headers = headers,
                                .header_count = count};
  struct tc3 *tc3;
  check(tc3_new(&tc3), "new");

  struct buffer canonical, to_sign;
  buffer_init(&canonical, 1 << 16);
  buffer_init(&to_sign, 1 << 16);
  check(tc3_canonical_request(tc3, &request, &canonical), "canonical request");
  print_text("canonical_request", buffer_bytes(&canonical));
  check(tc3_string_to_sign(tc3, &request, buffer_bytes(&canonical), &to_sign),
        "string to sign");
  print_text("string_to_sign", buffer_bytes(&to_sign));

  unsigned char derived[3][DIGEST_SIZE];
  check(tc3_derive_key(tc3, &request, derived), "signing key");
  print_digest("secret_date", derived[0]);
  print_digest("secret_service", derived[1]);
  print_digest("secret_signing", derived[2]);

  struct bytes authorization;
  check(tc3_sign(tc3, &request, &authorization), "authorization");
  print_text("authorization", authorization);

  buffer_free(&canonical);
  buffer_free(&to_sign);
  tc3_free(tc3);
  return EXIT_SUCCESS;
}
