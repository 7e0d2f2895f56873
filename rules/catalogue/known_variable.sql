-- Session variables are read whose values cannot have changed since the server gave the same answer in the same
-- situation.

-- session: the same question again
SELECT n FROM shop;
SELECT @@autocommit;                                -- forwarded, in this session the answer is not known
SELECT @@autocommit;                                -- redundant
SELECT @@session.time_zone AS zone, @@sql_mode;     -- forwarded
SELECT @@session.time_zone AS zone, @@sql_mode;     -- redundant
SELECT @@SESSION.time_zone AS zone, @@sql_mode;     -- forwarded, the column has another name
BEGIN;
SELECT @@autocommit;                                -- redundant, but with the flag of a transaction
SELECT SUM(n) FROM shop;
SELECT @@session.time_zone AS zone, @@sql_mode;     -- redundant if tracked, the table might be a view
COMMIT;
SELECT @@max_allowed_packet, @@version_comment;     -- forwarded
SELECT @@max_allowed_packet, @@version_comment;     -- redundant

-- session: another value, and the first again
SELECT n FROM shop;
SELECT @@autocommit;                                -- forwarded
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT @@autocommit;                                -- forwarded
SET autocommit=1;                                   -- promised: deferred-autocommit
SELECT @@autocommit;                                -- redundant
SET time_zone='+01:00';
SELECT @@time_zone;                                 -- forwarded
SET time_zone='+02:00';
SELECT @@time_zone;                                 -- forwarded
SET time_zone='+01:00';
SELECT @@time_zone;                                 -- redundant

-- session: an answer depends on more than the value
SELECT n FROM shop;
SELECT @@time_zone;                                 -- forwarded
SET sql_select_limit=0;
SELECT @@time_zone;                                 -- forwarded, there is no row
SET sql_select_limit=5;
SET NAMES latin1;                                   -- promised: deferred-names
SELECT @@time_zone;                                 -- forwarded, the column has another character set
SELECT @@time_zone;
SELECT @@time_zone;                                 -- redundant
SET character_set_results=NULL;
SELECT @@time_zone;                                 -- forwarded

-- session: what the server may count or measure
SELECT n FROM shop;
SELECT @@timestamp > 0;                             -- forwarded
SELECT @@timestamp > 0;                             -- forwarded
SELECT @@last_insert_id;                            -- forwarded
SELECT @@last_insert_id;                            -- forwarded
SELECT @@global.time_zone;                          -- forwarded, others may set it
SELECT @@global.time_zone;                          -- forwarded
SELECT @@warning_count;                             -- forwarded
SELECT @@warning_count;                             -- forwarded
SELECT @a;                                          -- forwarded
SELECT @a;                                          -- forwarded
SELECT @@autocommit + 1;                            -- forwarded
SELECT @@autocommit + 1;                            -- forwarded
SELECT @@autocommit FROM shop;                      -- forwarded
SELECT @@autocommit FROM shop;                      -- forwarded

-- session: an expression has set it
SELECT n FROM shop;
SELECT @@sql_mode;                                  -- forwarded
SET sql_mode=CONCAT(@@sql_mode, ',PIPES_AS_CONCAT');
SELECT @@sql_mode;                                  -- forwarded
SET time_zone=DEFAULT;
SELECT @@sql_mode;                                  -- forwarded, the SET might have set it

-- session: a procedure may have set it
SELECT n FROM shop;
SELECT @@time_zone;                                 -- forwarded
CALL run('SET time_zone=''+02:00''');
SELECT @@time_zone;                                 -- forwarded

-- session: a function, a view or a trigger may have set it
SELECT n FROM shop;
SELECT @@time_zone, @@net_write_timeout;            -- forwarded
SELECT meddle();
SELECT @@time_zone, @@net_write_timeout;            -- forwarded
SET time_zone='+01:00', net_write_timeout=50;
SELECT @@time_zone, @@net_write_timeout;            -- forwarded
SELECT @@time_zone, @@net_write_timeout;            -- redundant
SELECT n FROM meddling;
SELECT @@time_zone, @@net_write_timeout;            -- forwarded
SET net_write_timeout=50;
SELECT @@net_write_timeout;                         -- forwarded
INSERT INTO watched VALUES (1);
SELECT @@net_write_timeout;                         -- forwarded

-- session: code may set it in a way of which MariaDB's tracker says nothing
SET time_zone='+01:00';
SELECT @@time_zone;                                 -- forwarded
SELECT meddle_unseen();
SELECT @@time_zone;                                 -- forwarded

-- session: without the tracker's word at the end of rows, any table may be a view
-- client: CLIENT_PROTOCOL_41
SELECT n FROM shop;
SELECT @@time_zone;                                 -- forwarded
SELECT @@time_zone;                                 -- redundant
SELECT n FROM meddling;
SELECT @@time_zone;                                 -- forwarded
SELECT 1;
SELECT @@time_zone;                                 -- redundant

-- session: what jOOQ and Connector/J ask before each transaction
-- only: mysql
SELECT n FROM shop;
SELECT @@session.transaction_isolation;             -- forwarded
SELECT @@session.transaction_read_only;             -- forwarded
SELECT n FROM shop;
SELECT @@session.transaction_isolation;             -- redundant
SELECT @@session.transaction_read_only;             -- redundant
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;     -- promised: deferred-isolation
SELECT @@session.transaction_isolation;             -- forwarded
SELECT n FROM shop;
SELECT @@session.transaction_isolation;             -- redundant
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SELECT @@session.transaction_isolation;             -- redundant, that leaves no trace in it

-- session: executed as a prepared statement, the rows have another format
SELECT n FROM shop;
-- COM_STMT_PREPARE SELECT @@time_zone
SELECT @@time_zone;                                 -- forwarded
-- COM_STMT_EXECUTE SELECT @@time_zone              -- forwarded
-- COM_STMT_EXECUTE SELECT @@time_zone              -- redundant
SELECT @@time_zone;                                 -- redundant

-- session: what it would have reset, it resets
SELECT n FROM shop;
SELECT @@version;                                   -- forwarded
SELECT n FROM shop;
SELECT @@version;                                   -- redundant
SELECT FOUND_ROWS();                                -- forwarded, it is of the SELECT before it
UPDATE shop SET n = n + 1;
SELECT @@version;                                   -- redundant
SELECT ROW_COUNT();                                 -- forwarded
