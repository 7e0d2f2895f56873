-- A session variable is set to the literal that it was set to last. What is written otherwise, or may have changed
-- without the session tracker's word, is not the same.

-- session: the same literal again
SET time_zone='+01:00';                             -- forwarded
SELECT @@time_zone;
SET time_zone='+01:00';                             -- redundant
SET SESSION time_zone = '+01:00';                   -- redundant
SET @@session.time_zone='+01:00';                   -- redundant
SET time_zone='+1:00';                              -- forwarded, the same in other words
SET wait_timeout=28000;                             -- forwarded
SELECT n FROM shop;
SET @@wait_timeout = 28000;                         -- redundant if tracked, the table might be a view
SET time_zone='+1:00', wait_timeout=28000;          -- redundant if tracked
BEGIN;
SET time_zone='+1:00';                              -- redundant, in a transaction too
COMMIT;

-- session: another value
SET foreign_key_checks=0;                           -- forwarded
SET foreign_key_checks=0;                           -- redundant
SELECT @@foreign_key_checks;
SET foreign_key_checks=1;                           -- forwarded
SELECT @@foreign_key_checks;
SET foreign_key_checks=0, unique_checks=0;          -- forwarded
SELECT @@unique_checks;
SET foreign_key_checks=0, unique_checks=0;          -- redundant
SET unique_checks=1;                                -- forwarded
SELECT @@unique_checks;
SET foreign_key_checks=0, unique_checks=0;          -- forwarded

-- session: what is no literal is for the server to read
SET time_zone=DEFAULT;                              -- forwarded
SET time_zone=DEFAULT;                              -- forwarded
SET time_zone=@@global.time_zone;                   -- forwarded
SET time_zone=@@global.time_zone;                   -- forwarded
SET @zone='+02:00';
SET time_zone=@zone;                                -- forwarded
SET time_zone=@zone;                                -- forwarded
SET sql_select_limit=1+1;                           -- forwarded
SET sql_select_limit=1+1;                           -- forwarded
SET sql_mode=CONCAT(@@sql_mode, ',ANSI_QUOTES');    -- forwarded
SET time_zone='nowhere';                            -- error 1298

-- session: a variable whose effect is more than its value
SET @a=1;                                           -- forwarded
SET @a=1;                                           -- forwarded
SET timestamp=1000000000;                           -- forwarded
SET timestamp=1000000000;                           -- forwarded
SET insert_id=7;                                    -- forwarded
SET insert_id=7;                                    -- forwarded
SET completion_type=0;                              -- forwarded
SET completion_type=0;                              -- forwarded

-- session: a refused list leaves all as it was
SET time_zone='+01:00';                             -- forwarded
SET time_zone='+02:00', sql_select_limit='many';    -- error 1232
SET time_zone='+01:00';                             -- forwarded, an error does not say whether a transaction is open
SET time_zone='+01:00';                             -- redundant

-- session: a procedure may have set it
SET time_zone='+01:00';                             -- forwarded
CALL run('SET time_zone=''+02:00''');
SET time_zone='+01:00';                             -- forwarded
CALL run('SELECT 1');
SET time_zone='+01:00';                             -- forwarded

-- session: a function may have set it
SET time_zone='+01:00';                             -- forwarded
SET net_write_timeout=50;                           -- forwarded
SELECT meddle();
SET time_zone='+01:00';                             -- forwarded
SET net_write_timeout=50;                           -- forwarded
SELECT SUM(n) FROM shop;
SET time_zone='+01:00';                             -- redundant if tracked
SET net_write_timeout=50;                           -- redundant if tracked

-- session: a view may have set it
SET time_zone='+01:00';                             -- forwarded
SELECT n FROM meddling;
SET time_zone='+01:00';                             -- forwarded

-- session: a trigger may have set it
SET net_write_timeout=50;                           -- forwarded
INSERT INTO watched VALUES (1);
SET net_write_timeout=50;                           -- forwarded

-- session: code may set it in a way of which MariaDB's tracker says nothing
SET time_zone='+01:00';                             -- forwarded
SELECT meddle_unseen();
SET time_zone='+01:00';                             -- forwarded
SELECT @@time_zone;

-- session: without the tracker's word at the end of rows, any table may be a view
-- client: CLIENT_PROTOCOL_41
SET time_zone='+01:00';                             -- forwarded
SELECT 1;
SET time_zone='+01:00';                             -- redundant
SELECT n FROM meddling;
SET time_zone='+01:00';                             -- forwarded
UPDATE shop SET n = 0;
SET time_zone='+01:00';                             -- redundant if tracked, an OK has the tracker's word

-- session: MariaDB sets one for a statement only
-- only: mariadb
SET time_zone='+01:00';                             -- forwarded
SET STATEMENT time_zone='+05:00' FOR SELECT n FROM shop;
SET time_zone='+01:00';                             -- forwarded

-- session: a reset sets it back
SET time_zone='+01:00';                             -- forwarded
-- COM_RESET_CONNECTION
SET time_zone='+01:00';                             -- forwarded
