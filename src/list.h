/* SPDX-License-Identifier: MIT */
/* A doubly linked list. Its items are members of the structures that are in
   the list, so that adding and removing one needs neither memory nor a search.
   All zeros are an empty list, and an item that is in none. Neither may move
   while they belong together. */
#ifndef BALANCE_LIST_H
#define BALANCE_LIST_H

#include <stddef.h>

struct list {
  struct list_item *first;
  struct list_item *last;
};

struct list_item {
  struct list *list; /* NULL: in none */
  struct list_item *next;
  struct list_item *previous;
  void *owner; /* the structure that this is a member of */
};

/* The item must be in no list. */
static inline void list_append(struct list *list, struct list_item *item,
                               void *owner)
{
  *item =
      (struct list_item){.list = list, .previous = list->last, .owner = owner};
  if (list->last)
    list->last->next = item;
  else
    list->first = item;
  list->last = item;
}

/* Does nothing with an item that is in no list. */
static inline void list_remove(struct list_item *item)
{
  if (!item->list)
    return;
  if (item->previous)
    item->previous->next = item->next;
  else
    item->list->first = item->next;
  if (item->next)
    item->next->previous = item->previous;
  else
    item->list->last = item->previous;
  *item = (struct list_item){.list = NULL};
}

/* The owner of the first item; NULL: the list is empty. */
static inline void *list_first(const struct list *list)
{
  return list->first ? list->first->owner : NULL;
}

#endif
