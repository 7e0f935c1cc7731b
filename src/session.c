/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#include "scarcity.h"

/* The index of the session among a context's ex_data. */
static int slot = -1;

static void on_context_freed(void *context, void *session,
                             CRYPTO_EX_DATA *data, int index, long number,
                             void *pointer)
{
  (void)context;
  (void)data;
  (void)index;
  (void)number;
  (void)pointer;
  session_drop(session);
}

static void reserve_slot(void)
{
  slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_freed);
}

/* SSL_connect returns many times while it waits for more, with OpenSSL's queue
   empty; the last time it has the error that ended the handshake. A libcurl
   that verifies the certificate itself lets the handshake succeed. */
static void on_event(const SSL *connection, int what, int value)
{
  struct session *session =
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), slot);
  if (!session)
    return;
  if (what == SSL_CB_CONNECT_EXIT) {
    session->error = ERR_peek_error();
    session->no_memory = session->error && scarcity_of_memory();
    session->verify = SSL_get_verify_result(connection);
  } else if (what == SSL_CB_READ_ALERT) {
    session->refused |= value >> 8 == SSL3_AL_FATAL;
    session->goodbye |= (value & 0xff) == SSL_AD_CLOSE_NOTIFY;
  }
}

struct session *session_watch(SSL_CTX *context)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, reserve_slot);
  struct session *session = calloc(1, sizeof(*session));
  if (!session)
    return NULL;
  if (!SSL_CTX_set_ex_data(context, slot, session)) {
    free(session);
    return NULL;
  }
  session->owners = 2;
  SSL_CTX_set_info_callback(context, on_event);
  return session;
}

struct session *session_hold(const SSL *connection)
{
  struct session *session =
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), slot);
  if (session)
    session->owners++;
  return session;
}

void session_drop(struct session *session)
{
  if (session && --session->owners == 0)
    free(session);
}

static bool has_reason(const struct session *session, int reason)
{
  return ERR_GET_LIB(session->error) == ERR_LIB_SSL &&
         ERR_GET_REASON(session->error) == reason;
}

bool session_was_cut_off(const struct session *session)
{
  return session->error == 0 ||
         has_reason(session, SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

bool session_is_no_tls(const struct session *session)
{
  return has_reason(session, SSL_R_WRONG_VERSION_NUMBER);
}

bool session_lacked_memory(const struct session *session)
{
  return session->no_memory ||
         ERR_GET_REASON(session->error) == ERR_R_MALLOC_FAILURE;
}
