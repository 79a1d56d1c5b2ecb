SELECT d.depot, d.slip, d.nth, h.rider_code, h.mail, h.began, d.found_on, d.parts
FROM damages AS d
JOIN hires AS h ON h.depot = d.depot AND h.slip = d.slip
