#include <stdio.h>
#include <string.h>
#include <wswarden.h>

int main(void) {
    wsw_policy *policy = NULL;
    if (strcmp(wsw_version(), WSW_VERSION) != 0) {
        return 1;
    }
    /* Nobody could connect: a policy has to be refused, with a reason. */
    if (wsw_policy_from_toml(WSW_STR(""), &policy) != WSW_STATUS_POLICY_ERROR) {
        return 2;
    }
    printf("wswarden %s: %s\n", wsw_version(), wsw_last_error_message());
    return 0;
}
