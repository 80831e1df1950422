/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * The file of --config: whatever is in it, it is taken, or one line says where
 * in it what is wrong; nothing of it stays behind. What is taken is printed
 * (--print-config), and what was printed is a file that means the same.
 */
#include "broker/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* A file that is nowhere but in memory. */
struct file {
	int fd;
	char path[32];
};

static void
file_open(struct file *f, const void *text, size_t len)
{
	f->fd = memfd_create("umbeld.yaml", MFD_CLOEXEC);
	CHECK(f->fd >= 0);
	CHECK(write(f->fd, text, len) == (ssize_t)len);
	CHECK(lseek(f->fd, 0, SEEK_SET) == 0);
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

/* What one run of umbeld has printed. */
struct said {
	char *out, *err;
	size_t out_len, err_len;
	enum config_result result;
};

static void
run(struct said *said, const struct file *file, const char *flag)
{
	char *argv[] = { (char *)(uintptr_t) "umbeld",
		         (char *)(uintptr_t) "--config",
		         (char *)(uintptr_t)file->path, (char *)(uintptr_t)flag,
		         NULL };
	FILE *out = stdout, *err = stderr;
	struct config c;

	*said = (struct said){ 0 };
	stdout = open_memstream(&said->out, &said->out_len);
	stderr = open_memstream(&said->err, &said->err_len);
	CHECK(stdout && stderr);
	said->result = config_parse(&c, flag ? 4 : 3, argv);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	if (said->result == CONFIG_OK)
		config_fini(&c);
}

static void
forget(struct said *said)
{
	free(said->out);
	free(said->err);
}

static size_t
count_lines(const uint8_t *data, size_t len)
{
	size_t n = 1;

	/* YAML knows other ends of lines than \n, two of them of two bytes */
	for (size_t i = 0; i < len; i++)
		n += data[i] == '\n' || data[i] == '\r' || data[i] == 0x85 ||
		     data[i] == 0xa8 || data[i] == 0xa9 || data[i] == 0;
	return n;
}

/* "umbeld: FILE:LINE: ..." and a newline, once. */
static void
check_complaint(const struct said *said, const struct file *file,
                size_t n_lines)
{
	size_t path_len = strlen(file->path);
	const char *at = said->err;
	char *end;
	unsigned long line;

	CHECK(said->out_len == 0);
	CHECK(strncmp(at, "umbeld: ", 8) == 0);
	at += 8;
	CHECK(strncmp(at, file->path, path_len) == 0 && at[path_len] == ':');
	line = strtoul(at + path_len + 1, &end, 10);
	if (line < 1 || line > n_lines + 1 || strncmp(end, ": ", 2) != 0 ||
	    said->err[said->err_len - 1] != '\n')
		fputs(said->err, stderr);
	CHECK(line >= 1 && line <= n_lines + 1);
	CHECK(strncmp(end, ": ", 2) == 0);
	CHECK(said->err[said->err_len - 1] == '\n');
}

/* But for comments, which say where a value is from. */
static void
drop_comments(char *text)
{
	char *to = text;

	for (const char *at = text; *at;) {
		const char *comment = strstr(at, "  # "), *line = at;
		size_t n = strcspn(at, "\n");

		at += n + (at[n] == '\n');
		if (comment && comment < line + n)
			n = (size_t)(comment - line);
		memmove(to, line, n);
		to += n;
		*to++ = '\n';
	}
	*to = '\0';
}

static void
check_print(const struct file *file)
{
	struct said first, again;
	struct file printed;

	run(&first, file, "--print-config");
	CHECK(first.result == CONFIG_SHOWN && first.err_len == 0);
	file_open(&printed, first.out, first.out_len);
	run(&again, &printed, "--print-config");
	if (again.result != CONFIG_SHOWN)
		fprintf(stderr, "%s\n%s", first.out, again.err);
	CHECK(again.result == CONFIG_SHOWN && again.err_len == 0);
	drop_comments(first.out);
	drop_comments(again.out);
	CHECK(strcmp(first.out, again.out) == 0);
	close(printed.fd);
	forget(&first);
	forget(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct file file;
	struct said said;

	file_open(&file, data, len);
	run(&said, &file, NULL);
	if (said.result == CONFIG_OK) {
		CHECK(said.out_len == 0 && said.err_len == 0);
		check_print(&file);
	} else {
		CHECK(said.result == CONFIG_BAD);
		check_complaint(&said, &file, count_lines(data, len));
	}
	forget(&said);
	close(file.fd);
	return 0;
}
