/*
 * durability.h: what the ledger is exact against, LUNA_DURABILITY of both programs.
 *
 * DEFAULT: kills and restarts on one host; the workers' journals are the truth after a loss of
 * Redis's memory. STRICT: several hosts and power loss as well; a Redis that has every write on the
 * disk before it replies is the truth, and no journal. docs/QUOTA.md has the table.
 */
#ifndef LUNA_STORE_DURABILITY_H
#define LUNA_STORE_DURABILITY_H

enum luna_durability { LUNA_DURABILITY_DEFAULT, LUNA_DURABILITY_STRICT };

/* The word of each, as the setting and quota:fence have it; NULL after the last. */
extern const char *const luna_durability_words[];

#endif
