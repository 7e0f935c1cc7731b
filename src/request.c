/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <string.h>

static const char separator[] = ": ";

static char *put(char *at, const char *data, size_t len)
{
  memcpy(at, data, len);
  return at + len;
}

/* The list that CURLOPT_HTTPHEADER reads, in one block of ours instead of the
   many of curl_slist_append, so that it can be cleansed. */
static enum transport_status copy_headers(struct request *request,
                                          const struct header *headers,
                                          size_t count)
{
  size_t list_size = count * sizeof(struct curl_slist), size = list_size;
  for (size_t i = 0; i < count; i++) {
    if (!is_field_text(headers[i].name) || !is_field_text(headers[i].value))
      return TRANSPORT_BAD_HEADER;
    size += headers[i].name.len + headers[i].value.len + sizeof(separator);
  }
  struct curl_slist *list = OPENSSL_zalloc(size);
  if (!list)
    return TRANSPORT_NO_MEMORY;
  request->headers = list;
  request->headers_size = size;

  char *at = (char *)list + list_size;
  for (size_t i = 0; i < count; i++) {
    list[i] = (struct curl_slist){at, i + 1 < count ? &list[i + 1] : NULL};
    at = put(at, headers[i].name.data, headers[i].name.len);
    at = put(at, separator, sizeof(separator) - 1);
    at = put(at, headers[i].value.data, headers[i].value.len);
    at++; /* over the zero */
  }
  return TRANSPORT_OK;
}

static bool copy(struct buffer *buffer, struct bytes one, struct bytes two,
                 struct bytes three)
{
  buffer_init(buffer, one.len + two.len + three.len);
  return BUFFER_APPEND(buffer, one, two, three) == BUFFER_OK;
}

enum transport_status request_copy(struct request *request,
                                   const struct transport_request *from)
{
  const struct bytes none = {NULL, 0}, zero = {"", 1};
  const char *origin = from->endpoint->origin, *file = from->ca_file;
  *request = (struct request){.headers = NULL};
  enum transport_status status =
      copy_headers(request, from->headers, from->header_count);
  if (status != TRANSPORT_OK)
    return status;
  bool copied =
      copy(&request->url, (struct bytes){origin, strlen(origin)}, from->path,
           zero) &&
      copy(&request->body, from->body ? *from->body : none, none, none) &&
      (!file || copy(&request->ca_file, (struct bytes){file, strlen(file)},
                     zero, none));
  return copied ? TRANSPORT_OK : TRANSPORT_NO_MEMORY;
}

void request_forget(struct request *request)
{
  OPENSSL_clear_free(request->headers, request->headers_size);
  request->headers = NULL;
  request->headers_size = 0;
}

void request_free(struct request *request)
{
  request_forget(request);
  buffer_free(&request->url);
  buffer_free(&request->body);
  buffer_free(&request->ca_file);
}
