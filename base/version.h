/* Who we are. */
#pragma once

#define PRODUCT_NAME "primesh"
#define PRODUCT_VERSION "0.1.0"
