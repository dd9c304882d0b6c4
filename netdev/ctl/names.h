/* Names and numbers that follow from others, so that whoever comes after a crash finds what was made. Pure. */
#pragma once

#include "netdev/ctlnet.h"

/* Generations of a link's name: the kernel reaps links some time after their namespace ended, and a container that
 * starts again meanwhile takes the next one. */
#define CTLNET_GENERATIONS 8

/* A host name: letters, digits, '-', '.' and '_', at most CTLNET_CONTAINER_MAX; not first '-' or '.'. */
bool names_container_is_good(const char *name);

/* A name for a network and its bridge: a link's name by the same letters that is no file name like "..". */
bool names_network_is_good(const char *name);

/* A name that a link of the host or of a container can have. */
bool names_link_is_good(const char *name);

/* "web.0". */
#define NAMES_OWNER_SIZE (CTLNET_CONTAINER_MAX + 4)
void names_owner(const char *container, unsigned index, char owner[NAMES_OWNER_SIZE]);

/* How much of "web.0" is the container's name. */
int names_container_length(const char *owner);

/* FNV-1a over the text and a number. */
uint64_t names_hash(const char *text, uint64_t salt);

/* "bt" (the veth's end on the host) or "bi" (the ifb for what comes from it), nine characters of the owner, generation.
 */
void names_link(const char *kind, const char *owner, unsigned generation, char link[CTLNET_LINK_SIZE]);

/* Locally administered; the attempt counts the collisions. */
void names_mac(const char *text, unsigned attempt, uint8_t mac[6]);
