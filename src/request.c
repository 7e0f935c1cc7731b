/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

/* The list that CURLOPT_HTTPHEADER reads, in one piece of ours instead of
   curl_slist_append's many, so that it can be cleansed. */
static enum transport_status
write_head(struct buffer *head, const struct header *headers, size_t count)
{
  static const char separator[] = ": ";
  size_t list_size = count * sizeof(struct curl_slist), size = list_size;
  for (size_t i = 0; i < count; i++) {
    if (!is_field_text(headers[i].name) || !is_field_text(headers[i].value))
      return TRANSPORT_BAD_HEADER;
    size += headers[i].name.len + headers[i].value.len + sizeof(separator);
  }
  struct curl_slist *list = OPENSSL_zalloc(size);
  if (!list)
    return TRANSPORT_NO_MEMORY;
  *head = (struct buffer){
      .data = (char *)list, .len = size, .cap = size, .max = size};

  char *at = (char *)list + list_size;
  for (size_t i = 0; i < count; i++) {
    list[i] = (struct curl_slist){at, i + 1 < count ? &list[i + 1] : NULL};
    memcpy(at, headers[i].name.data, headers[i].name.len);
    at += headers[i].name.len;
    memcpy(at, separator, sizeof(separator) - 1);
    at += sizeof(separator) - 1;
    memcpy(at, headers[i].value.data, headers[i].value.len);
    at += headers[i].value.len + 1; /* zeroed before */
  }
  return TRANSPORT_OK;
}

enum transport_status request_copy(struct request *request,
                                   const struct transport_request *from)
{
  buffer_init(&request->head, 0);
  buffer_init(&request->url, SIZE_MAX / 4);
  buffer_init(&request->body, SIZE_MAX / 4);
  buffer_init(&request->ca_file, SIZE_MAX / 4);
  enum transport_status status =
      write_head(&request->head, from->headers, from->header_count);
  if (status != TRANSPORT_OK)
    return status;
  struct bytes origin = {from->endpoint->origin,
                         strlen(from->endpoint->origin)};
  struct bytes end = {"", 1};
  bool written =
      BUFFER_APPEND(&request->url, origin, from->path, end) == BUFFER_OK &&
      (!from->body || BUFFER_APPEND(&request->body, *from->body) == BUFFER_OK);
  return written ? TRANSPORT_OK : TRANSPORT_NO_MEMORY;
}

void request_forget(struct request *request)
{
  buffer_free(&request->head);
}

void request_free(struct request *request)
{
  buffer_free(&request->head);
  buffer_free(&request->url);
  buffer_free(&request->body);
  buffer_free(&request->ca_file);
}
