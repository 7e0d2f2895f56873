// MariaDB Connector/J, asked on standard input and answering on standard output, one line each, so that one JVM serves
// every combination. A question: scenario, JDBC address, user, password, statements file, rows file, large parameter's
// length, and schema, separated by tabs. An answer: one JSON object.

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mariadb.jdbc.MariaDbConnection;

public final class Observe {
    private static final String NUMBERS =
        "SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d AS n, 'row' FROM digits a, digits b, digits c, digits d ORDER BY n";

    private interface Step {
        Object run() throws Exception;
    }

    private final Map<String, Object> seen = new LinkedHashMap<>();
    private final Connection connection;

    private Observe(Connection connection) {
        this.connection = connection;
    }

    public static void main(String[] arguments) throws Exception {
        DriverManager.setLoginTimeout(20);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String question = in.readLine(); question != null; question = in.readLine()) {
            out.println(json(answer(question.split("\t", -1))));
            out.flush();
        }
    }

    private static Object answer(String[] q) throws Exception {
        try (Connection connection = DriverManager.getConnection(q[1], q[2], q[3])) {
            Observe observe = new Observe(connection);
            switch (q[0]) {
                case "login" -> observe.step("who", () -> observe.text(Files.readString(Path.of(q[4]))));
                case "rows" -> observe.step("rows", () -> observe.checksum(Files.readString(Path.of(q[4]))));
                case "text" -> observe.everything(q, observe::text);
                case "binary" -> observe.everything(q, observe::prepared);
                default -> throw new IllegalArgumentException(q[0]);
            }
            return observe.seen;
        } catch (SQLException error) {
            return Map.of("error login", shown(error));
        }
    }

    private interface Execution {
        Object run(String sql) throws Exception;
    }

    private void everything(String[] q, Execution execution) throws Exception {
        for (String sql : Files.readString(Path.of(q[4])).split(";\n")) {
            step(sql.startsWith("error ") ? sql : sql.substring(0, Math.min(100, sql.length())),
                () -> execution.run(sql.replaceFirst("^error ", "")));
        }
        metadata();
        transactions(execution);
        data(q[5], execution);
        connection(q[7], execution);
        if (!q[6].equals("0")) {
            large(Integer.parseInt(q[6]));
        }
    }

    private void step(String name, Step step) throws Exception {
        try {
            seen.put(name, step.run());
        } catch (SQLException error) {
            seen.put(name, shown(error));
        }
    }

    private void metadata() throws Exception {
        DatabaseMetaData about = connection.getMetaData();
        step("product", () -> List.of(about.getDatabaseProductName(), about.getDatabaseProductVersion()));
        step("tables", () -> rows(about.getTables(null, null, "thing%", null)));
        step("columns", () -> rows(about.getColumns(null, null, "things", null)));
        step("keys", () -> rows(about.getPrimaryKeys(null, null, "things")));
        step("isolation", connection::getTransactionIsolation);
    }

    private void transactions(Execution execution) throws Exception {
        step("autocommit off", () -> setAutocommit(false));
        step("insert", () -> execution.run("INSERT INTO things (word) VALUES ('rolled back')"));
        step("rollback", () -> {
            connection.rollback();
            return execution.run("SELECT word FROM things ORDER BY id");
        });
        step("savepoint", () -> {
            Savepoint savepoint = connection.setSavepoint("here");
            execution.run("INSERT INTO things (word) VALUES ('undone')");
            connection.rollback(savepoint);
            execution.run("INSERT INTO things (word) VALUES ('committed')");
            connection.commit();
            return execution.run("SELECT word FROM things ORDER BY id");
        });
        step("autocommit on", () -> setAutocommit(true));
        step("read committed", () -> {
            connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            return connection.getTransactionIsolation();
        });
    }

    private Object setAutocommit(boolean on) throws SQLException {
        connection.setAutoCommit(on);
        return connection.getAutoCommit();
    }

    private void data(String rowsFile, Execution execution) throws Exception {
        String emoji = "\uD83D\uDE00 ü 日本 \u0000 ' \" \\ %";
        step("parameters", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT ?, ?, ?, HEX(?)")) {
                statement.setString(1, emoji);
                statement.setNull(2, Types.INTEGER);
                statement.setDouble(3, -1.5);
                statement.setString(4, emoji);
                return rows(statement.executeQuery());
            }
        });
        step("batch", this::batch);
        step("generated keys", () -> {
            String insert = "INSERT INTO things (word) VALUES ('key one'), ('key two')";
            try (PreparedStatement statement = connection.prepareStatement(insert, Statement.RETURN_GENERATED_KEYS)) {
                return List.of(statement.executeUpdate(), rows(statement.getGeneratedKeys()));
            }
        });
        step("call", this::call);
        step("long data", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT SHA2(?, 256)")) {
                statement.setBinaryStream(1, new ByteArrayInputStream("long".repeat(100_000).getBytes()));
                return rows(statement.executeQuery());
            }
        });
        step("stream part", () -> stream(10));
        step("stream all", () -> stream(Integer.MAX_VALUE));
        String load = "LOAD DATA LOCAL INFILE '%s' INTO TABLE loaded (n, word)";
        step("load local", () -> text(load.formatted(rowsFile)));
        step("loaded", () -> execution.run("SELECT COUNT(*), SUM(n), MAX(word) FROM loaded"));
        step("error load local", () -> text(load.formatted(rowsFile + ".missing")));
    }

    private Object batch() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO things (word, n) VALUES (?, ?)")) {
            for (int n = 0; n < 500; n++) {
                statement.setString(1, "batch " + n);
                statement.setInt(2, n);
                statement.addBatch();
            }
            return statement.executeBatch();
        }
    }

    private Object call() throws SQLException {
        try (CallableStatement statement = connection.prepareCall("{call several(?, ?)}")) {
            statement.setInt(1, 3);
            statement.registerOutParameter(2, Types.INTEGER);
            Object results = results(statement, statement.execute());
            return List.of(results, statement.getInt(2));
        }
    }

    private Object stream(int rows) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(2);
            List<Object> read = new ArrayList<>();
            try (ResultSet result = statement.executeQuery(NUMBERS)) {
                while (read.size() < rows && result.next()) {
                    read.add(result.getInt(1));
                }
            }
            return read;
        }
    }

    private void connection(String schema, Execution execution) throws Exception {
        step("ping", () -> connection.isValid(10));
        step("other schema", () -> {
            connection.setCatalog("information_schema");
            return connection.getCatalog();
        });
        step("error no schema", () -> {
            connection.setCatalog("no_such_schema");
            return null;
        });
        step("own schema", () -> {
            connection.setCatalog(schema);
            return execution.run("SELECT DATABASE()");
        });
        // Connector/J 2.7 takes MySQL 9 for a version which cannot do it.
        boolean resets = connection.getMetaData().getDatabaseProductName().equals("MariaDB");
        step(resets ? "reset" : "error reset", () -> {
            connection.unwrap(MariaDbConnection.class).reset();
            return execution.run("SELECT @variable");
        });
    }

    private void large(int length) throws Exception {
        String text = "0123456789abcdef".repeat(length / 16);
        step("large parameter", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT LENGTH(?)")) {
                statement.setString(1, text);
                return rows(statement.executeQuery());
            }
        });
        step("large value", () -> text("SELECT REPEAT('0123456789', " + length / 10 + ")"));
    }

    private Object text(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return results(statement, statement.execute(sql));
        }
    }

    private Object prepared(String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            results(statement, statement.execute());
            return sql.startsWith("SELECT") ? results(statement, statement.execute()) : seenOnce(statement);
        }
    }

    private static Object seenOnce(PreparedStatement statement) throws SQLException {
        return List.of(warnings(statement.getWarnings()));
    }

    private static Object results(Statement statement, boolean first) throws SQLException {
        List<Object> results = new ArrayList<>();
        boolean isRows = first;
        int count = statement.getUpdateCount();
        while (isRows || count != -1) {
            results.add(isRows ? rows(statement.getResultSet()) : count);
            isRows = statement.getMoreResults();
            count = statement.getUpdateCount();
        }
        results.add(warnings(statement.getWarnings()));
        return results;
    }

    private static List<Object> warnings(SQLWarning first) {
        List<Object> warnings = new ArrayList<>();
        for (SQLWarning warning = first; warning != null; warning = warning.getNextWarning()) {
            warnings.add(List.of(warning.getErrorCode(), warning.getMessage()));
        }
        return warnings;
    }

    private static Object rows(ResultSet result) throws SQLException {
        ResultSetMetaData about = result.getMetaData();
        List<Object> columns = new ArrayList<>();
        for (int n = 1; n <= about.getColumnCount(); n++) {
            columns.add(List.of(about.getColumnLabel(n), about.getColumnTypeName(n), about.getPrecision(n),
                about.getScale(n), about.isNullable(n), about.getTableName(n), about.getColumnName(n)));
        }
        List<Object> rows = new ArrayList<>();
        while (result.next()) {
            List<Object> row = new ArrayList<>();
            for (int n = 1; n <= about.getColumnCount(); n++) {
                row.add(value(result, n));
            }
            rows.add(row);
        }
        return List.of(columns, rows);
    }

    private static Object value(ResultSet result, int column) throws SQLException {
        byte[] bytes = result.getBytes(column);
        Object object = result.getObject(column);
        String type = object == null ? "null" : object.getClass().getSimpleName();
        return bytes == null ? type : List.of(type, bytes.length > 300 ? digest(bytes) : printable(bytes));
    }

    private Object checksum(String sql) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        long count = 0;
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setFetchSize(1000);
            try (ResultSet result = statement.executeQuery()) {
                for (; result.next(); count++) {
                    digest.update(result.getBytes(1));
                    digest.update(result.getBytes(2));
                }
            }
        }
        return List.of(count, hex(digest.digest()));
    }

    private static String printable(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static String digest(byte[] bytes) {
        try {
            return bytes.length + " bytes, sha256 " + hex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static String hex(byte[] bytes) {
        return String.format("%064x", new BigInteger(1, bytes));
    }

    private static Map<String, Object> shown(SQLException error) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("error", error.getClass().getSimpleName());
        shown.put("code", error.getErrorCode());
        shown.put("sqlstate", error.getSQLState());
        shown.put("message", steady(error.getMessage()));
        return shown;
    }

    // Addresses, connection numbers and thread names differ by nature.
    private static String steady(String message) {
        return String.valueOf(message)
            .replaceAll("\\(conn=\\d+\\)", "(conn)")
            .replaceAll("address=\\(host=[^)]*\\)\\(port=\\d+\\)", "address")
            .replaceAll("java thread: [^\\n]*", "java thread");
    }

    private static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            List<String> parts = new ArrayList<>();
            map.forEach((key, item) -> parts.add(json(String.valueOf(key)) + ":" + json(item)));
            return "{" + String.join(",", parts) + "}";
        }
        if (value instanceof List<?> list) {
            return "[" + String.join(",", list.stream().map(Observe::json).toList()) + "]";
        }
        if (value instanceof int[] numbers) {
            return Arrays.toString(numbers);
        }
        if (value == null || value instanceof Number || value instanceof Boolean) {
            return String.valueOf(value);
        }
        return quoted(value.toString());
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            boolean plain = c >= ' ' && c < 127 && c != '"' && c != '\\';
            quoted.append(plain ? String.valueOf(c) : String.format("\\u%04x", (int) c));
        }
        return quoted.append('"').toString();
    }
}
