-- The schema is selected that is the current one already. Who comes back from another one is sent.

-- session: the same schema again
USE {schema};                                       -- redundant, the login has said so
use `{schema}`;                                     -- redundant
-- COM_INIT_DB {schema}                             -- redundant
SELECT n FROM shop;
USE {schema};                                       -- redundant
BEGIN;
USE {schema};                                       -- redundant, in a transaction too
ROLLBACK;

-- session: another schema between
USE {schema};                                       -- redundant
USE information_schema;                             -- forwarded
SELECT DATABASE();
USE {schema};                                       -- forwarded
SELECT n FROM shop;
-- COM_INIT_DB information_schema                   -- forwarded
-- COM_INIT_DB {schema}                             -- forwarded
SELECT n FROM shop;
USE INFORMATION_SCHEMA;                             -- forwarded
SELECT DATABASE();
USE INFORMATION_SCHEMA;                             -- forwarded, the server calls it by another name

-- session: one that is not there
USE {schema};                                       -- redundant
USE nosuch;                                         -- error 1044
USE {schema};                                       -- forwarded, an error does not say whether a transaction is open
USE {schema};                                       -- redundant
-- COM_INIT_DB `{schema}`                           -- error 1044
-- COM_INIT_DB {schema}                             -- forwarded

-- session: MariaDB prepares a USE, which may be of any
-- only: mariadb
USE {schema};                                       -- redundant
PREPARE p FROM 'USE information_schema';
EXECUTE p;
USE {schema};                                       -- forwarded

-- session: somebody else may have dropped it while nothing was heard of the server
USE {schema};                                       -- redundant
USE {schema};                                       -- redundant
-- pause
USE {schema};                                       -- forwarded
-- pause
-- COM_INIT_DB {schema}                             -- forwarded
USE {schema};                                       -- redundant

-- session: a reset keeps it
-- only: mysql
-- only: mysql
USE {schema};                                       -- redundant
-- COM_RESET_CONNECTION
USE {schema};                                       -- redundant

-- session: a reset of MariaDB 10 keeps the schema, but not its character set
-- only: mariadb 10
USE {schema};                                       -- redundant
-- COM_RESET_CONNECTION
USE {schema};                                       -- forwarded
SELECT @@character_set_database;
