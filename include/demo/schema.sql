-- The demo shop's tables. Amounts are text, as exact as they were entered; times as each part of the shop has them.
CREATE TABLE customers (
  customer_id INTEGER PRIMARY KEY, gender TEXT, first_name TEXT NOT NULL, infix TEXT, last_name TEXT NOT NULL,
  email TEXT NOT NULL, email_since TEXT NOT NULL, phone TEXT, birth_date TEXT, engagement_date TEXT, wedding_date TEXT,
  language TEXT NOT NULL, ring_size REAL, newsletter INTEGER NOT NULL, signature BLOB,
  merged_into INTEGER REFERENCES customers, staff_notes TEXT, created_at TEXT NOT NULL
);
CREATE TABLE customer_emails (
  customer_id INTEGER NOT NULL REFERENCES customers, seq INTEGER NOT NULL, email TEXT NOT NULL,
  valid_from TEXT NOT NULL, valid_to TEXT NOT NULL, PRIMARY KEY (customer_id, seq)
);
CREATE TABLE addresses (
  address_id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers, kind TEXT NOT NULL, street TEXT,
  house_number TEXT, postal_code TEXT, city TEXT, country TEXT, since TEXT
);
CREATE TABLE products (
  product_id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, metal TEXT, carats TEXT, price TEXT,
  active INTEGER NOT NULL
);
CREATE TABLE quotes (
  quote_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT, requested_at TEXT NOT NULL,
  valid_until TEXT, amount TEXT, wishes TEXT, design TEXT, status TEXT NOT NULL
);
CREATE TABLE orders (
  order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT, name TEXT, phone TEXT,
  ordered_at TEXT NOT NULL, status TEXT NOT NULL, channel TEXT NOT NULL, total TEXT NOT NULL, delivery_address TEXT,
  ip TEXT, user_agent TEXT, recipient_customer_id INTEGER REFERENCES customers, recipient_name TEXT,
  recipient_email TEXT, recipient_address TEXT, gift_message TEXT, delivery_country TEXT
);
CREATE TABLE order_lines (
  order_id INTEGER NOT NULL REFERENCES orders, line_no INTEGER NOT NULL, product_id INTEGER NOT NULL REFERENCES products,
  quantity INTEGER NOT NULL, unit_price TEXT NOT NULL, vat_rate TEXT NOT NULL, ring_size REAL,
  PRIMARY KEY (order_id, line_no)
);
CREATE TABLE engravings (
  engraving_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, line_no INTEGER NOT NULL, text TEXT, font TEXT,
  drawing BLOB, FOREIGN KEY (order_id, line_no) REFERENCES order_lines
);
CREATE TABLE payments (
  payment_id TEXT PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, method TEXT NOT NULL, amount TEXT NOT NULL,
  iban TEXT, provider_reference INTEGER, paid_at TEXT, metadata TEXT
);
CREATE TABLE invoices (
  invoice_no TEXT PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, kind TEXT NOT NULL, issued_on TEXT NOT NULL,
  name TEXT, invoice_address TEXT, total TEXT NOT NULL, vat TEXT NOT NULL
);
CREATE TABLE returns (
  return_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, requested_at TEXT NOT NULL, reason TEXT,
  refund TEXT, received_on TEXT
);
CREATE TABLE disputes (
  dispute_id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, kind TEXT NOT NULL,
  opened_at TEXT NOT NULL, closed_at TEXT, statement TEXT, outcome TEXT
);
CREATE TABLE reviews (
  review_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT,
  product_id INTEGER NOT NULL REFERENCES products, rating INTEGER NOT NULL, title TEXT, body TEXT,
  published INTEGER NOT NULL, posted_at TEXT NOT NULL
);
CREATE TABLE newsletter_consents (
  consent_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT NOT NULL, given_at TEXT NOT NULL,
  withdrawn_at TEXT, wording TEXT, proof TEXT
);
CREATE TABLE contest_entries (
  entry_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT, contest TEXT NOT NULL, answer TEXT,
  won INTEGER NOT NULL, entered_at TEXT NOT NULL
);
CREATE TABLE surveys (
  survey_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT, score INTEGER, weight REAL,
  answers TEXT, answered_at TEXT NOT NULL
);
CREATE TABLE interest_profiles (
  profile_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, device_id TEXT, interests TEXT NOT NULL,
  scores TEXT NOT NULL, computed_at TEXT NOT NULL
);
CREATE TABLE contact_messages (
  message_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, email TEXT, name TEXT, subject TEXT,
  body TEXT, answer TEXT, sent_at TEXT NOT NULL
);
CREATE TABLE sessions (
  session_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers, device_id TEXT NOT NULL, ip TEXT NOT NULL,
  user_agent TEXT, pages INTEGER, started_at INTEGER NOT NULL, ended_at INTEGER
);
