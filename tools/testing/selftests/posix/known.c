// SPDX-License-Identifier: GPL-2.0
/*
 * The list of known differences. A line of it:
 *
 *   CASE MODE[@KERNEL],... REASON
 *
 * and "9p" stands for all three cache modes of the client.
 */
#include "posix.h"

struct known {
	char *name;
	char *reason;
	bool here;
	struct known *next;
};

static struct known *known_list;

static bool is_9p(const char *mode)
{
	return !strcmp(mode, "none") || !strcmp(mode, "mmap") ||
	       !strcmp(mode, "loose");
}

/* @word of the list is about @mode, which may have @KERNEL at its end */
static bool word_is_mode(const char *word, const char *mode)
{
	const char *word_at = strchrnul(word, '@');
	const char *mode_at = strchrnul(mode, '@');
	char name[16];

	if (*word_at && strcmp(word_at, mode_at))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(mode_at - mode), mode);
	if (word_at - word == 2 && !strncmp(word, "9p", 2))
		return is_9p(name);
	return strlen(name) == (size_t)(word_at - word) &&
	       !strncmp(word, name, word_at - word);
}

static bool words_have_mode(char *words, const char *mode)
{
	char *word;

	for (word = strtok(words, ","); word; word = strtok(NULL, ",")) {
		if (word_is_mode(word, mode))
			return true;
	}
	return false;
}

static int known_add(const char *line, const char *mode)
{
	struct known *one = calloc(1, sizeof(*one));
	char *words;
	int got;

	if (!one)
		return -1;
	got = sscanf(line, " %ms %ms %m[^\n]", &one->name, &words,
		     &one->reason);
	if (got != 3)
		return -1;
	one->here = words_have_mode(words, mode);
	one->next = known_list;
	known_list = one;
	free(words);
	return 0;
}

/* Returns 0, or -1 after saying what is wrong with the list */
int known_read(const char *file, const char *mode)
{
	FILE *list = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;
	int number = 0;
	int err = 0;

	if (!list) {
		fprintf(stderr, "posix: %s: %s\n", file, strerror(errno));
		return -1;
	}
	while (!err && getline(&line, &size, list) > 0) {
		number++;
		if (line[0] != '#' && line[0] != '\n')
			err = known_add(line, mode);
	}
	if (err)
		fprintf(stderr, "posix: %s:%d: not CASE MODES REASON\n", file,
			number);
	free(line);
	fclose(list);
	return err;
}

/* Why a case is known to fail here, or NULL */
const char *known_reason(const char *name)
{
	const struct known *one;

	for (one = known_list; one; one = one->next) {
		if (one->here && !strcmp(one->name, name))
			return one->reason;
	}
	return NULL;
}

/* Whether the list names only cases that there are; says which there are not */
bool known_all_exist(bool (*exists)(const char *name))
{
	const struct known *one;
	bool good = true;

	for (one = known_list; one; one = one->next) {
		if (exists(one->name))
			continue;
		fprintf(stderr, "posix: the list names %s, and there is no such case\n",
			one->name);
		good = false;
	}
	return good;
}
