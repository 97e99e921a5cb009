/*
 * Files that shells write piece by piece (`| save`): each belongs to the connection that began it, is hidden
 * until it is whole, and is gone when that connection ends before.
 */
#pragma once

#include "control/server.h"
#include "daemon/repository.h"

struct saves;
struct saves *saves_new(struct error *err);
void saves_free(struct saves *saves); /* also abandons what was not ended */

/*
 * Begins a file on the connection of a job, in the place of one of that name; what the connection had begun
 * before is abandoned. The errors of repository_draft_begin(); ERROR_BUSY: too many are being written.
 */
int saves_begin(struct saves *saves, struct control_job *job, const char *home,
                const struct repository_path *path, struct error *err);

/* Appends; at most `most` bytes now. ERROR_NOT_FOUND: nothing was begun on the job's connection;
 * ERROR_BUSY: another piece is being written; ERROR_STORE_FULL. Afterwards nothing is begun any more. */
int saves_add(struct saves *saves, struct control_job *job, const void *bytes, size_t length, int64_t most,
              struct error *err);

/* Gives the file its name, or (keep false) abandons it. The errors of saves_add() and of
 * repository_draft_commit(). */
int saves_end(struct saves *saves, struct control_job *job, bool keep, struct error *err);

/* The connection ended. */
void saves_forget(struct saves *saves, const struct control_session *connection);
