/* SPDX-FileCopyrightText: the umbel authors */
/* SPDX-License-Identifier: MIT */

/*
 * umbel_glib.h - a handle in a GLib loop, and therefore in a GTK program.
 *
 *	GSource *source = umbel_glib_new(c, NULL);
 *	g_main_loop_run(loop);
 *	g_source_destroy(source);
 *	g_source_unref(source);
 *	umbel_close(c, 1000);
 *
 * The caller owns the source and must destroy it before the handle. Callbacks
 * of the handle run in the loop of the source's context.
 */
#ifndef UMBEL_GLIB_H
#define UMBEL_GLIB_H

#include <glib-unix.h>
#include <glib.h>

#include "umbel.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline gboolean
umbel_glib_on_readable(gint fd, GIOCondition what, gpointer arg)
{
	(void)fd;
	(void)what;
	umbel_dispatch((struct umbel *)arg, 0);
	return G_SOURCE_CONTINUE;
}

/* Dispatch `c` whenever there is something to do. `context` may be NULL for the
   default one. umbel_stop() does not end the loop. */
static inline GSource *
umbel_glib_new(struct umbel *c, GMainContext *context)
{
	GSource *source = g_unix_fd_source_new(umbel_fd(c), G_IO_IN);

	g_source_set_callback(source, G_SOURCE_FUNC(umbel_glib_on_readable), c,
	                      NULL);
	g_source_attach(source, context);
	return source;
}

#ifdef __cplusplus
}
#endif

#endif
