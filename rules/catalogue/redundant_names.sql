-- The same SET NAMES, or SET of one character set, as the last that touched it. The results have a collation which no
-- variable shows, so that another way to the same values is another thing.

-- session: the same again
SET NAMES latin1;                                   -- promised: deferred-names
SET NAMES latin1;                                   -- redundant
SELECT 'a';
set names 'LATIN1';                                 -- redundant
BEGIN;
SET NAMES latin1;                                   -- redundant, in a transaction too
COMMIT;
SELECT item FROM shop;
SET NAMES utf8mb4 COLLATE utf8mb4_bin;              -- promised: deferred-names
SET NAMES utf8mb4 COLLATE 'utf8mb4_bin';            -- redundant
SELECT item FROM shop;

-- session: where a table is read, it might be a view, and that might call a function
-- only: mysql
SET NAMES latin1;                                   -- promised: deferred-names
SELECT item FROM shop;
SET NAMES latin1;                                   -- redundant, the tracker has said nothing

-- session: of that MariaDB's tracker does not say all
-- only: mariadb
SET NAMES latin1;                                   -- promised: deferred-names
SELECT item FROM shop;
SET NAMES latin1;                                   -- promised: deferred-names
SET character_set_results = NULL;                   -- forwarded
SET character_set_results = NULL;                   -- redundant
SELECT item FROM shop;
SET character_set_results = NULL;                   -- forwarded

-- session: one after the other, each again
SET character_set_results = NULL;                   -- forwarded
SET character_set_results = NULL;                   -- redundant
SET character_set_client = latin1;                  -- forwarded
SET character_set_client = 'latin1';                -- redundant
SET collation_connection = latin1_bin;              -- forwarded
SET collation_connection = latin1_bin;              -- redundant
SET character_set_results = NULL;                   -- forwarded, the collation may have touched it
SELECT item FROM shop;

-- session: another way to the same values
SET NAMES utf8mb4 COLLATE utf8mb4_bin;              -- promised: deferred-names
SELECT item FROM shop;
SET character_set_results = utf8mb4;                -- forwarded, it takes another collation for the results
SELECT item FROM shop;
SET NAMES utf8mb4;                                  -- promised: deferred-names
SELECT item FROM shop;
SET NAMES utf8mb4 COLLATE utf8mb4_general_ci;       -- promised: deferred-names
SELECT item FROM shop;

-- session: each touches what the others have set
SET character_set_connection = latin1;              -- forwarded
SELECT COLLATION('a');
SET collation_connection = latin1_bin;              -- forwarded
SELECT COLLATION('a');
SET character_set_connection = latin1;              -- forwarded, the collation is not its default
SELECT COLLATION('a');
SET NAMES latin1;                                   -- promised: deferred-names
SELECT item FROM shop;
SET collation_connection = latin1_bin;              -- forwarded
SELECT COLLATION('a');
SET NAMES latin1;                                   -- promised: deferred-names
SELECT @@collation_connection;

-- session: what is no name is for the server to read
SET NAMES latin1;                                   -- promised: deferred-names
SET NAMES DEFAULT;                                  -- forwarded
SET NAMES DEFAULT;                                  -- forwarded
SET CHARACTER SET latin1;                           -- forwarded
SET CHARACTER SET latin1;                           -- forwarded
SET NAMES latin1;                                   -- promised: deferred-names
SET @@character_set_results = @@character_set_client;   -- forwarded
SELECT item FROM shop;

-- session: MySQL lets the session choose a default collation
-- only: mysql
SET NAMES utf8mb4;                                  -- promised: deferred-names
SELECT @@collation_connection;
SET default_collation_for_utf8mb4 = utf8mb4_general_ci;
SET NAMES utf8mb4;                                  -- promised: deferred-names, it is not the same as before
SELECT @@collation_connection;

-- session: a routine may have set it
SET NAMES latin1;                                   -- promised: deferred-names
CALL run('SET NAMES utf8mb4');
BEGIN;
SET NAMES latin1;                                   -- promised: deferred-names
SELECT item FROM shop;
SET character_set_results = NULL;                   -- forwarded
CALL run('SET character_set_results = utf8mb4');
SET character_set_results = NULL;                   -- forwarded
COMMIT;

-- session: a reset sets it back
SET NAMES latin1;                                   -- promised: deferred-names
SELECT item FROM shop;
-- COM_RESET_CONNECTION
SET NAMES latin1;                                   -- promised: deferred-names
SELECT item FROM shop;

-- session: in which a second byte may look like a quote, nothing is withheld
SET NAMES latin1;                                   -- promised: deferred-names
SET NAMES gbk;                                      -- forwarded
SET NAMES gbk;                                      -- redundant
SELECT item FROM shop;
