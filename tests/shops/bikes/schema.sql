CREATE TABLE riders (code TEXT PRIMARY KEY, mail TEXT, mail_since TEXT, name TEXT, joined_on TEXT, credit TEXT);
CREATE TABLE old_mails (code TEXT REFERENCES riders, nth INTEGER, mail TEXT, used_from TEXT, used_to TEXT,
  PRIMARY KEY (code, nth));
CREATE TABLE bikes (frame INTEGER PRIMARY KEY, model TEXT);
CREATE TABLE hires (depot TEXT, slip INTEGER, rider_code TEXT, mail TEXT, passenger_mail TEXT, began INTEGER,
  frame INTEGER REFERENCES bikes, price TEXT, helmet INTEGER, remark TEXT, lock_log BLOB, PRIMARY KEY (depot, slip));
CREATE TABLE damages (depot TEXT, slip INTEGER, nth INTEGER, found_on TEXT, parts TEXT, PRIMARY KEY (depot, slip, nth),
  FOREIGN KEY (depot, slip) REFERENCES hires (depot, slip));
CREATE TABLE photos (photo TEXT PRIMARY KEY, depot TEXT, slip INTEGER, nth INTEGER, image BLOB, place TEXT,
  FOREIGN KEY (depot, slip, nth) REFERENCES damages (depot, slip, nth));
CREATE TABLE app_settings (name TEXT PRIMARY KEY, value TEXT);
