-- SHOW WARNINGS where the reply before it has counted none. On MariaDB a list of warnings outlives replies that count
-- none.

-- session: after each statement
-- only: mysql
SELECT n FROM shop;
SHOW WARNINGS;                                      -- forwarded, in this session the answer is not known
UPDATE shop SET n = 0;
SHOW WARNINGS;                                      -- redundant
SHOW WARNINGS;                                      -- redundant
show errors;                                        -- forwarded, nor this one
SELECT n FROM shop;
show errors;                                        -- redundant
SET autocommit=1;                                   -- redundant: redundant-autocommit
SHOW WARNINGS;                                      -- redundant

-- session: there are some
-- only: mysql
SELECT n FROM shop;
SHOW WARNINGS;
SELECT CAST('abc' AS SIGNED);
SHOW WARNINGS;                                      -- forwarded
SHOW WARNINGS;                                      -- forwarded, reading keeps them
-- COM_PING
SHOW WARNINGS;                                      -- forwarded, so does this
-- COM_INIT_DB {schema}                             -- forwarded, its OK repeats their number
SHOW WARNINGS;                                      -- forwarded
SET autocommit=1;                                   -- redundant: redundant-autocommit
SHOW WARNINGS;                                      -- redundant, a SET forgets them

-- session: after an error
-- only: mysql
SELECT n FROM shop;
SHOW WARNINGS;
SELECT nothing FROM shop;                           -- error 1054
SHOW WARNINGS;                                      -- forwarded
SHOW ERRORS;                                        -- forwarded
SELECT nothing FROM shop;                           -- error 1054
SET autocommit=1;                                   -- forwarded
SHOW WARNINGS;                                      -- forwarded, the failed statement may have set anything
SHOW WARNINGS;                                      -- redundant

-- session: other forms
-- only: mysql
SELECT n FROM shop;
SHOW WARNINGS LIMIT 1;                              -- forwarded
SHOW WARNINGS LIMIT 1;                              -- forwarded
SHOW COUNT(*) WARNINGS;                             -- forwarded
SHOW COUNT(*) WARNINGS;                             -- forwarded
GET DIAGNOSTICS @n = NUMBER;                        -- forwarded

-- session: the answer is in the character set of results
-- only: mysql
SELECT n FROM shop;
SHOW WARNINGS;                                      -- forwarded
SET NAMES latin1;                                   -- promised: deferred-names
SHOW WARNINGS;                                      -- forwarded
SELECT item FROM shop;
SHOW WARNINGS;                                      -- forwarded
SHOW WARNINGS;                                      -- redundant

-- session: a list of MariaDB's outlives what reads no table
-- only: mariadb
SELECT n FROM shop;
SHOW WARNINGS;                                      -- forwarded
SHOW WARNINGS;                                      -- forwarded
SELECT CAST('abc' AS SIGNED);
SHOW WARNINGS;                                      -- forwarded
DO 1;
SHOW WARNINGS;                                      -- forwarded
SET autocommit=1;                                   -- redundant: redundant-autocommit
SHOW WARNINGS;                                      -- forwarded
SELECT n FROM shop;
SHOW WARNINGS;                                      -- forwarded
