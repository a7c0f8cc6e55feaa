import java.sql.*;
import java.util.*;

/** pgjdbc as programs use it: PgJdbcClient PORT. Ends with 1 at what is wrong. */
class PgJdbcClient {
  static void check(boolean is, Object what) {
    if (!is)
      throw new AssertionError(what);
  }

  static List<String> rows(ResultSet from, String... columns) throws SQLException {
    List<String> out = new ArrayList<>();
    while (from.next()) {
      StringJoiner row = new StringJoiner(",");
      for (String column : columns)
        row.add(from.getString(column));
      out.add(row.toString());
    }
    return out;
  }

  static void prepared(Connection to) throws SQLException {
    PreparedStatement asks = to.prepareStatement(
        "select sym, size, price, time from trade where sym = ? and price >= ?"
            + " and size < ? and time >= ? and (sym <> ? or ?) order by size"
            + " limit ?");
    for (int i = 0; i < 7; ++i) { // From the fifth on in binary.
      asks.setString(1, "IBM");
      asks.setDouble(2, 101.5);
      asks.setInt(3, 25);
      asks.setTimestamp(4, Timestamp.valueOf("2024-01-02 14:30:00"));
      asks.setString(5, "none");
      asks.setBoolean(6, false);
      asks.setInt(7, 3);
      check(rows(asks.executeQuery(), "sym", "size", "price").equals(
          List.of("IBM,17,101.75", "IBM,19,102.25", "IBM,21,102.75")), "prepared");
    }
    PreparedStatement any = to.prepareStatement(
        "select count(*) as n from trade where sym = any(?) and size <> all(?)");
    any.setArray(1, to.createArrayOf("text", new String[] {"IBM", "it's"}));
    any.setArray(2, to.createArrayOf("int4", new Integer[] {11, 13}));
    check(rows(any.executeQuery(), "n").equals(List.of("8")), "arrays");
    ParameterMetaData types
        = to.prepareStatement("select sym from trade where size > ?")
              .getParameterMetaData();
    check(types.getParameterTypeName(1).equals("int4"), "type of a parameter");
  }

  static void catalogue(Connection to) throws SQLException {
    DatabaseMetaData tells = to.getMetaData();
    check(rows(tells.getTables(null, "public", "%", new String[] {"TABLE"}),
              "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE")
            .equals(List.of("public,quote,TABLE", "public,trade,TABLE")), "tables");
    List<String> columns
        = rows(tells.getColumns(null, null, "tr_de", "s%"), "COLUMN_NAME",
               "TYPE_NAME", "ORDINAL_POSITION", "IS_NULLABLE", "IS_AUTOINCREMENT");
    check(columns.equals(List.of("sym,text,2,YES,NO", "size,int4,4,YES,NO",
                                   "suspicious,bool,7,YES,NO")), columns);
    check(rows(tells.getSchemas(), "TABLE_SCHEM").contains("public"), "schemas");
    for (ResultSet none : List.of(
             tells.getPrimaryKeys(null, "public", "trade"),
             tells.getIndexInfo(null, "public", "trade", false, true),
             tells.getImportedKeys(null, "public", "trade"),
             tells.getProcedures(null, null, "%"), tells.getFunctions(null, null, "%"),
             tells.getUDTs(null, null, "%", null)))
      check(!none.next(), "there is none of these");
    check(tells.getTypeInfo().next() && tells.getMaxColumnNameLength() > 0
              && tells.getSQLKeywords().contains("limit")
              && tells.getTablePrivileges(null, null, "trade").next(),
          "of the server");
  }

  static void transactions(Connection to) throws SQLException {
    to.setAutoCommit(false);
    Statement asks = to.createStatement();
    asks.setFetchSize(7); // A cursor.
    check(rows(asks.executeQuery("select size from trade order by size"), "size")
              .size() == 20, "by sevens");
    Savepoint before = to.setSavepoint("a");
    try {
      asks.executeQuery("select nothing from trade");
      check(false, "no column");
    } catch (SQLException fault) {
      check(fault.getSQLState().equals("42703"), fault);
    }
    to.rollback(before);
    check(asks.executeQuery("select 1").next(), "it goes on");
    to.commit();
    to.setAutoCommit(true);
    to.setReadOnly(true);
    check(to.isValid(5) && to.getSchema().equals("public"), "valid");
  }

  public static void main(String[] words) throws SQLException {
    for (String mode : List.of("", "?preferQueryMode=simple", "?prepareThreshold=1")) {
      try (Connection to = DriverManager.getConnection(
               "jdbc:postgresql://127.0.0.1:" + words[0] + "/any" + mode, "me", "")) {
        if (!mode.contains("simple"))
          prepared(to);
        catalogue(to);
        transactions(to);
      }
    }
  }
}
