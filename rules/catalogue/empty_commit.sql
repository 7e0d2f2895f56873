-- COMMIT and ROLLBACK with nothing to end. What nobody sees may still end with them: savepoints, locks of tables
-- without transactions, a SET TRANSACTION that waits.

-- session: after a COMMIT
COMMIT;                                             -- forwarded, what one does here is not known yet
COMMIT;                                             -- redundant
ROLLBACK WORK;                                      -- redundant
UPDATE shop SET n = 0;
ROLLBACK;                                           -- redundant if tracked, a trigger might have set completion_type
SET autocommit=0;                                   -- promised: deferred-autocommit
COMMIT;                                             -- redundant
UPDATE shop SET n = 1;
COMMIT;                                             -- forwarded
ROLLBACK;                                           -- redundant
SELECT n FROM shop;
ROLLBACK;                                           -- forwarded

-- session: with a BEGIN that was only promised, both vanish
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
COMMIT;                                             -- redundant
START TRANSACTION READ ONLY;                        -- promised: deferred-begin
ROLLBACK;                                           -- redundant
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT 1;
COMMIT;                                             -- forwarded

-- session: other forms
COMMIT;
ROLLBACK TO nowhere;                                -- error 1305
COMMIT AND NO CHAIN;                                -- forwarded
COMMIT AND CHAIN;                                   -- forwarded
ROLLBACK;                                           -- forwarded, there is a transaction again
COMMIT /*! AND CHAIN */;                            -- forwarded
COMMIT;                                             -- forwarded, and so is this one

-- session: the session lets a COMMIT begin the next transaction
COMMIT;
SET completion_type=CHAIN;
COMMIT;                                             -- forwarded
SELECT n FROM shop;
SET completion_type=NO_CHAIN;
COMMIT;                                             -- forwarded
COMMIT;                                             -- redundant

-- session: a procedure does so
COMMIT;
CALL run('SET completion_type=CHAIN');
COMMIT;                                             -- forwarded
SELECT n FROM shop;

-- session: a SET TRANSACTION waits for the next transaction, and would wait on
COMMIT;
SET TRANSACTION READ ONLY;
COMMIT;                                             -- forwarded
UPDATE shop SET n = 0;

-- session: savepoints without a transaction
COMMIT;
SET autocommit=0;                                   -- promised: deferred-autocommit
SAVEPOINT here;
COMMIT;                                             -- forwarded
ROLLBACK TO here;                                   -- error 1305
COMMIT;                                             -- forwarded

-- session: MySQL keeps a lock of a table without transactions
COMMIT;
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT n FROM archive;
COMMIT;                                             -- forwarded

-- session: after an error it is not known whether a transaction is open
COMMIT;
INSERT INTO shop VALUES (1, 'apples', 1);           -- error 1062
ROLLBACK;                                           -- forwarded
ROLLBACK;                                           -- redundant
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT nothing FROM shop;                           -- error 1054
ROLLBACK;                                           -- forwarded, a lock is left

-- session: a failed CREATE TABLE has committed
COMMIT;
BEGIN;
UPDATE shop SET n = 0;
CREATE TABLE shop (id INT);                         -- error 1050
ROLLBACK;                                           -- forwarded
ROLLBACK;                                           -- redundant

-- session: in an XA transaction it is an error
COMMIT;
XA START 'shop';
COMMIT;                                             -- error 1399
XA END 'shop';
XA ROLLBACK 'shop';
COMMIT;                                             -- forwarded
COMMIT;                                             -- redundant

-- session: tables are locked, which a COMMIT does not end
COMMIT;
LOCK TABLES shop WRITE;
COMMIT;                                             -- forwarded
UNLOCK TABLES;

-- session: executed as a prepared statement
COMMIT;
-- COM_STMT_PREPARE COMMIT
-- COM_STMT_EXECUTE COMMIT                          -- redundant
BEGIN;
-- COM_STMT_EXECUTE COMMIT                          -- forwarded
