"""The tables of the demo, and how they are made on a server that starts empty."""

DATABASE = "shop"
USER = "demo"
"""Has no password: the server listens in a private folder, and holds nothing."""

ORDERS = [{"id": n, "customer": f"customer {n}", "cents": 995 * n} for n in range(1, 101)]

INIT = "\n".join(  # one statement a line, as --init-file wants it
    [
        f"CREATE DATABASE {DATABASE};",
        f"CREATE TABLE {DATABASE}.orders (id INT PRIMARY KEY, customer VARCHAR(40) NOT NULL, cents INT NOT NULL);",
        f"CREATE TABLE {DATABASE}.visits (id INT PRIMARY KEY AUTO_INCREMENT, order_id INT NOT NULL);",
        *(
            "INSERT INTO {}.orders VALUES ({id}, '{customer}', {cents});".format(DATABASE, **order)  # noqa: S608 - ours
            for order in ORDERS
        ),
        f"CREATE USER {USER}@localhost;",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {DATABASE}.* TO {USER}@localhost;",
    ]
)
