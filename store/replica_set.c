#include "store/replica_set.h"

void replica_set_work_with(struct store_txn *txn, unsigned set)
{
    txn->set = set;
    txn->set_is_known = true;
}

void replica_set_use(struct store_txn *txn, unsigned set)
{
    Record__ReplicaSet message = RECORD__REPLICA_SET__INIT;

    message.set = set;
    record_store(txn, DATABASE_META, record_key_text(RECORD_SET_KEY), record_pack(txn, &message.base), 0);
    replica_set_work_with(txn, set);
}

void replica_set_drop(struct store_txn *txn, unsigned set)
{
    for (int i = 0; i < DATABASES && txn->status == 0; i++) {
        int code = environment_database_is_paired((enum database)i)
                       ? mdb_drop(txn->mdb, txn->environment->databases[set][i], 0)
                       : 0;

        if (code != 0)
            record_fail(txn, code, "write");
    }
}

bool replica_set_is_filled(struct store_txn *txn, unsigned set)
{
    for (int i = 0; i < DATABASES && txn->status == 0; i++) {
        MDB_stat stat = {0};
        int code = mdb_stat(txn->mdb, txn->environment->databases[set][i], &stat);

        if (code != 0)
            record_fail(txn, code, "read");
        else if (environment_database_is_paired((enum database)i) && stat.ms_entries > 0)
            return true;
    }
    return false;
}
