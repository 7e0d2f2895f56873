-- Setting autocommit to what it is costs a round trip and does nothing, in a transaction too. Setting it from 0 to 1
-- commits.

-- session: as it is already, in all its spellings
SET autocommit=1;                                   -- redundant, the login has said so
set AutoCommit = ON;                                -- redundant
SET SESSION autocommit = true;                      -- redundant
SET @@session.autocommit := 'on';                   -- redundant
SET @@local.autocommit = 1;                         -- redundant
/* a pool's */ SET LOCAL `autocommit` = 1;          -- redundant
SET autocommit=0;                                   -- promised: deferred-autocommit
SET autocommit=0;                                   -- redundant
SELECT n FROM shop;
SET @@autocommit = OFF;                             -- redundant, it does not end the transaction either

-- session: in a transaction that BEGIN opened, 1 is what it is
BEGIN;
UPDATE shop SET n = n + 1;
SET autocommit=1;                                   -- redundant, it does not commit
ROLLBACK;                                           -- forwarded
SELECT n FROM shop;

-- session: in a transaction without autocommit, 1 commits
SET autocommit=0;                                   -- promised: deferred-autocommit
UPDATE shop SET n = n + 1;
SET autocommit=0;                                   -- redundant
SET autocommit=1;                                   -- forwarded, it commits
ROLLBACK;                                           -- forwarded, no COMMIT has shown yet what one does here
SELECT n FROM shop;

-- session: what is no plain value is for the server to read
SET autocommit=DEFAULT;                             -- forwarded
SET autocommit=1+0;                                 -- forwarded
SET autocommit=(SELECT 1);                          -- forwarded
SET @on=1;
SET autocommit=@on;                                 -- forwarded
SET autocommit=@@global.autocommit;                 -- forwarded
SET @autocommit=1;                                  -- forwarded, a variable of the user's
SET GLOBAL autocommit=1;                            -- error 1227
/*!40101 SET autocommit=1 */;                       -- forwarded
SET autocommit=/*!0+*/1;                            -- forwarded
SET autocommit='1';                                 -- error 1231

-- session: a list is redundant where all of it is
SET autocommit=1, time_zone='+01:00';               -- forwarded
SET autocommit=1, time_zone='+01:00';               -- redundant
SET time_zone='+01:00', autocommit=1;               -- redundant: redundant-variable
SET autocommit=0, time_zone='+01:00';               -- promised: deferred-autocommit
SET autocommit=1, time_zone='+02:00';               -- forwarded
SET autocommit=1, autocommit=0;                     -- forwarded, the second holds
SET autocommit=1, @a=1;                             -- forwarded

-- session: after an error it is not known what is left
SELECT nothing FROM shop;                           -- error 1054
SET autocommit=1;                                   -- forwarded
SET autocommit=1;                                   -- redundant
SET autocommit=7;                                   -- error 1231
SET autocommit=1;                                   -- forwarded
SET autocommit=1;                                   -- redundant

-- session: a routine may have set it
CALL run('SET autocommit=0');
SET autocommit=0;                                   -- redundant, the reply has said so
SET autocommit=1;                                   -- forwarded
SET autocommit=1;                                   -- redundant
CALL run('SELECT 1');
SET autocommit=1;                                   -- redundant

-- session: several statements in one text
-- client: CLIENT_DEPRECATE_EOF CLIENT_MULTI_STATEMENTS
SET autocommit=1;                                   -- redundant
SET autocommit=1; SET autocommit=0;                 -- forwarded
SET autocommit=0;                                   -- redundant
SET autocommit=0; DO 1;                             -- forwarded

-- session: executed as a prepared statement
-- COM_STMT_PREPARE SET autocommit=1
-- COM_STMT_EXECUTE SET autocommit=1                -- redundant
BEGIN;
-- COM_STMT_EXECUTE SET autocommit=1                -- redundant
COMMIT;                                             -- forwarded
PREPARE p FROM 'SET autocommit=1';
EXECUTE p;                                          -- forwarded, it may be anything

-- session: a client that listens to the session tracker gets its words
-- client: CLIENT_DEPRECATE_EOF CLIENT_SESSION_TRACK
SET autocommit=1;                                   -- forwarded, in this session the reply is not known
SET autocommit=1;                                   -- redundant
BEGIN;
SET autocommit=1;                                   -- forwarded, the reply differs in a transaction
SET autocommit=1;                                   -- redundant
COMMIT;
