/* SPDX-License-Identifier: MIT */
/* What OpenSSL itself tells of a TLS connection. libcurl puts it into words,
   and those change with its version and with OpenSSL's. */
#ifndef BALANCE_SESSION_H
#define BALANCE_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Owned by the connection and by the transfers that hold it. */
struct session {
  unsigned owners;
  unsigned long error; /* of the handshake, as in OpenSSL's queue; 0: none */
  long verify;         /* the verdict on the certificate, X509_V_ERR_... */
  bool no_memory;      /* there was none at its end */
  bool refused;        /* the other side sent a fatal alert */
  bool goodbye;        /* it said that nothing follows: close_notify */
};

/* Watches the connection that this context is for. The caller holds what is
   returned; NULL: no memory. */
struct session *session_watch(SSL_CTX *context);

/* The watched session of a connection, which the caller holds then; NULL where
   there is none. */
struct session *session_hold(const SSL *connection);

/* NULL is fine. */
void session_drop(struct session *session);

/* Whether the connection ended under the handshake, rather than that either
   side found fault with the other. */
bool session_was_cut_off(const struct session *session);

/* Whether what came in the handshake is no TLS. */
bool session_is_no_tls(const struct session *session);

/* Whether OpenSSL's memory ran out in the handshake. */
bool session_lacked_memory(const struct session *session);

#pragma GCC visibility pop

#endif
