SELECT depot, slip, rider_code, mail, passenger_mail, began, frame, price, helmet, remark FROM hires
