SELECT code, nth, mail, used_from, used_to FROM old_mails
