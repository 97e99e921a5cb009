#include "commands/table.h"

#include "commands/types.h"

#include <stdlib.h>
#include <string.h>

#define TYPES_MOST 160

static const struct shell_branch *const branches[] = {
    &pin_branch,       &pin_show_branch,       &policy_branch,       &key_branch,         &key_genkey_branch,
    &service_branch,   &show_branch,           &log_branch,          &session_branch,     &monitor_branch,
    &configure_branch, &running_config_branch, &trust_store_branch,  &validation_branch,  &expiry_branch,
    &purpose_branch,   &purpose_show_branch,   &ctl_branch,          &file_branch,        &backup_branch,
    &ha_config_branch, &notices_branch,        &server_branch,       &server_show_branch, &ha_branch,
    &ha_show_branch,   &interface_branch,      &tech_support_branch, &network_branch,
};
#define BRANCH_COUNT (sizeof(branches) / sizeof(branches[0]))

static void add_types(struct shell_program *program, struct shell_type *types, const struct shell_type *more,
                      size_t count)
{
    if (program->type_count + count > TYPES_MOST)
        abort(); /* the array below is too small: every start would show it */
    memcpy(types + program->type_count, more, count * sizeof(*more));
    program->type_count += count;
}

/* What these words mean in every command that does not say otherwise. */
static const char words[] = SHELL_HELP("force", "Do not ask first")
    SHELL_HELP("password-stdin", "Take the secret from the next line of standard input")
        SHELL_HELP("overwrite", "Replace what is there") SHELL_HELP("detail", "All of each")
            SHELL_HELP("trustzone", "The trust zone that is meant")
                SHELL_HELP("truststore", "The trust zone whose CA certificates are meant")
                    SHELL_HELP("devicemgmt", "Managed devices") SHELL_HELP("pubnet", "Public hosts")
                        SHELL_HELP("system", "The other server of the pair, ISE and DNA Center")
                            SHELL_HELP("user", "Login services, mail and file servers");

void table_fill(struct shell_program *program)
{
    static struct shell_branch all[BRANCH_COUNT];
    static struct shell_type types[TYPES_MOST];

    for (size_t i = 0; i < BRANCH_COUNT; i++)
        all[i] = *branches[i];
    program->branches = all;
    program->branch_count = BRANCH_COUNT;
    program->type_count = 0;
    program->words = words;
    program->foreign = foreign_commands;
    program->foreign_count = foreign_command_count;
    program->types = types;
    add_types(program, types, common_types, common_type_count);
    add_types(program, types, key_types, key_type_count);
    add_types(program, types, purpose_types, purpose_type_count);
    add_types(program, types, config_types, config_type_count);
    add_types(program, types, trust_types, trust_type_count);
    add_types(program, types, file_types, file_type_count);
    add_types(program, types, ha_types, ha_type_count);
    add_types(program, types, server_types, server_type_count);
    add_types(program, types, network_types, network_type_count);
}
