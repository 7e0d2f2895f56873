-- SET NAMES matters to the next text or result that holds letters; the server is told with it.

-- session: at each checkout of a pool
SET NAMES utf8mb4;                                  -- promised
SELECT item FROM shop;
SET NAMES latin1;                                   -- promised
SET NAMES utf8mb4;                                  -- promised
SELECT item FROM shop;
SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci', time_zone='+01:00';  -- forwarded
SET NAMES 'utf8mb4' COLLATE 'utf8mb4_general_ci', time_zone='+01:00';  -- redundant: redundant-names

-- session: with autocommit in one list
SET NAMES latin1, autocommit=0;                     -- promised
SELECT item FROM shop;
COMMIT;

-- session: in a transaction, for it ends none
BEGIN;
UPDATE shop SET n = 0;
SET NAMES latin1;                                   -- promised
SELECT item FROM shop;
ROLLBACK;                                           -- forwarded

-- session: behind a BEGIN that was only promised
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SET NAMES latin1;                                   -- forwarded
SELECT item FROM shop;
COMMIT;

-- session: what reads a variable finds the new value
SET NAMES latin1;                                   -- promised
SELECT @@character_set_client;                      -- forwarded
SET NAMES utf8mb4 COLLATE utf8mb4_bin;              -- promised
SELECT @@collation_connection;                      -- forwarded
SET NAMES latin1;                                   -- promised
SHOW VARIABLES LIKE 'character_set_results';        -- forwarded
SET NAMES utf8mb4;                                  -- promised
SELECT 'a', 'é', CHARSET('a');                      -- forwarded
SET NAMES latin1;                                   -- promised
-- COM_STMT_PREPARE SELECT 'é'                      -- forwarded
SET NAMES utf8mb4;                                  -- promised
-- COM_STMT_EXECUTE SELECT 'é'                      -- forwarded
INSERT INTO shop VALUES (4, 'é', 40);

-- session: only one of the three character sets
SET character_set_results = latin1;                 -- forwarded
SELECT item FROM shop;
SET collation_connection = latin1_bin;              -- forwarded
SELECT COLLATION('a');
SET NAMES utf8mb4;                                  -- promised
SET character_set_results = NULL;                   -- forwarded
SELECT item FROM shop;
SET character_set_client = latin1;                  -- forwarded

-- session: what the server refuses, or reads in its own way
SET NAMES nosuch;                                   -- error 1115
SET NAMES ucs2;                                     -- error 1231
SET NAMES latin1 COLLATE utf8mb4_bin;               -- error 1253
SET NAMES DEFAULT;                                  -- forwarded
SET CHARACTER SET utf8mb4;                          -- forwarded
SELECT @@character_set_client, @@collation_connection;

-- session: in which a second byte may look like a quote
SET NAMES gbk;                                      -- forwarded
SELECT item FROM shop;
SET NAMES sjis;                                     -- forwarded
SELECT item FROM shop;
SET NAMES big5;                                     -- forwarded
SELECT item FROM shop;
