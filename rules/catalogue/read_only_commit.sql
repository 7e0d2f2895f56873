-- The end of a transaction that has only read is told before the server has come to it. Off by default:
-- --rule read-only-commit=suppress.

-- session: a transaction that reads
COMMIT;                                             -- forwarded, what one does here is not known yet
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n FROM shop;
COMMIT;                                             -- acknowledged
UPDATE shop SET n = 0;
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT n FROM shop;
SELECT item FROM shop;
ROLLBACK;                                           -- acknowledged
UPDATE shop SET n = 1;                              -- forwarded, and comes behind it
ROLLBACK;                                           -- forwarded

-- session: a transaction that has written
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
UPDATE shop SET n = 0;
SELECT n FROM shop;
COMMIT;                                             -- forwarded
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n FROM shop FOR UPDATE;
COMMIT;                                             -- forwarded
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n FROM shop;
INSERT INTO archive VALUES (2, 20);
ROLLBACK;                                           -- forwarded

-- session: a transaction that has done nothing yet
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT 1;
COMMIT;                                             -- forwarded

-- session: a transaction of which the server cannot tell
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n, RAND() > 2 FROM shop;
COMMIT;                                             -- forwarded
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
CALL run('SELECT n FROM shop');
COMMIT;                                             -- forwarded

-- session: after an error
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n FROM shop;
SELECT nothing FROM shop;                           -- error 1054
COMMIT;                                             -- forwarded

-- session: the session lets a COMMIT begin the next transaction
COMMIT;
SET completion_type=CHAIN;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n FROM shop;
COMMIT;                                             -- forwarded
ROLLBACK;                                           -- forwarded
START TRANSACTION READ WRITE;
SELECT n FROM shop;
COMMIT AND CHAIN;                                   -- forwarded

-- session: tables are locked
COMMIT;
LOCK TABLES shop READ;
SET autocommit=0;
SELECT n FROM shop;
COMMIT;                                             -- forwarded
UNLOCK TABLES;

-- session: without the tracker's word at the end of rows, nobody says what was read
-- client: CLIENT_PROTOCOL_41
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SELECT n FROM shop;
COMMIT;                                             -- forwarded
