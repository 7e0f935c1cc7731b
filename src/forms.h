/* SPDX-License-Identifier: MIT */
/* The forms in which a service may repeat a secret: as it is, without its
   escapes, and in base64, alone or between other text ("user:password"). */
#ifndef BALANCE_FORMS_H
#define BALANCE_FORMS_H

#include "bytes.h"

#pragma GCC visibility push(hidden)

/* Calls `use` with each form that differs from the secret, and with the secret.
   A long form comes in parts, which overlap. They are cleansed afterwards. */
void forms_each(struct bytes secret,
                void (*use)(void *user, struct bytes form), void *user);

#pragma GCC visibility pop

#endif
