-- A pool asks whether a connection lives that was in use a moment ago. Off by default: --rule liveness=suppress.

-- session: at each checkout
SELECT n FROM shop;
-- COM_PING                                         -- redundant
SELECT 1;                                           -- forwarded, in this session the answer is not known
SELECT 1;                                           -- redundant
/* ping */ SELECT 1;                                -- forwarded
/* ping */ SELECT 1;                                -- redundant
SELECT n FROM shop;
select 1;                                           -- forwarded
SELECT 1;                                           -- redundant
BEGIN;
SELECT 1;                                           -- redundant, but with the flag of a transaction
-- COM_PING                                         -- redundant
COMMIT;

-- session: after a silence it is asked
SELECT n FROM shop;
SELECT 1;                                           -- forwarded
SELECT 1;                                           -- redundant
-- pause
SELECT 1;                                           -- forwarded
SELECT 1;                                           -- redundant
-- pause
-- COM_PING                                         -- forwarded
-- COM_PING                                         -- redundant

-- session: what is more than a question
SELECT n FROM shop;
SELECT 1;                                           -- forwarded
SELECT 1+0;                                         -- forwarded
SELECT 1+0;                                         -- forwarded
SELECT 1 FROM shop;                                 -- forwarded
SELECT 1 FROM shop;                                 -- forwarded
SELECT 1, SLEEP(0);                                 -- forwarded
SELECT 1, SLEEP(0);                                 -- forwarded
DO 1;                                               -- forwarded
DO 1;                                               -- forwarded
/*!40101 SELECT 1 */;                               -- forwarded
/*!40101 SELECT 1 */;                               -- forwarded

-- session: the answer depends on the session
SELECT n FROM shop;
SELECT 1;                                           -- forwarded
SET sql_select_limit=0;
SELECT 1;                                           -- forwarded, there is no row
SET sql_select_limit=5;
SELECT 1;                                           -- forwarded
SELECT 1;                                           -- redundant

-- session: MySQL repeats a count of warnings
-- only: mysql
SELECT CAST('abc' AS SIGNED);
-- COM_PING                                         -- forwarded
SELECT n FROM shop;
-- COM_PING                                         -- redundant
SELECT nothing FROM shop;                           -- error 1054
-- COM_PING                                         -- forwarded

-- session: after an error it is not known whether a transaction is open
SELECT n FROM shop;
SELECT 1;                                           -- forwarded
SELECT nothing FROM shop;                           -- error 1054
SELECT 1;                                           -- forwarded
SELECT 1;                                           -- redundant

-- session: it does not see what is promised
SELECT n FROM shop;
SELECT 1;                                           -- forwarded
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT 1;                                           -- redundant, with the flag as it was promised
-- COM_PING                                         -- redundant
SELECT n FROM shop;
SELECT 1;                                           -- redundant
COMMIT;

-- session: what it would have reset, it resets
SELECT n FROM shop;
SELECT 1;                                           -- forwarded
SELECT n FROM shop;
SELECT 1;                                           -- redundant
SELECT FOUND_ROWS();                                -- forwarded
UPDATE shop SET n = n + 1;
-- COM_PING                                         -- redundant
SELECT ROW_COUNT();                                 -- forwarded

-- session: executed as a prepared statement
SELECT n FROM shop;
-- COM_STMT_PREPARE SELECT 1
-- COM_STMT_EXECUTE SELECT 1                        -- forwarded
-- COM_STMT_EXECUTE SELECT 1                        -- redundant
