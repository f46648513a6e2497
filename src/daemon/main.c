/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

int main(void)
{
	printf("%s: %s\n", PACKAGE_STRING, err_str(ERR_OK));
	return EXIT_SUCCESS;
}
