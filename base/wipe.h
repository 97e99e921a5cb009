/* Memory that may have held a secret. */
#pragma once

/* free(3), with every byte of the block overwritten first. For libraries that take their own free(): JSON and
 * socket buffers through which passphrases pass. NULL does nothing. */
void wipe_free(void *memory);
