SELECT code, mail, mail_since, name AS full_name, joined_on, credit FROM riders
