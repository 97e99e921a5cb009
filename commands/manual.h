/* The parts of primesh(1), in man(7), that do not come from the command table. */
#pragma once

extern const char manual_head[]; /* up to the commands */
extern const char manual_tail[]; /* behind the exit statuses */
