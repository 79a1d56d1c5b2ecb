-- Two steps to the person: the photo's damage, and that damage's hire.
SELECT p.photo, p.nth, h.rider_code, h.mail, h.began, p.image, p.place
FROM photos AS p
JOIN damages AS d ON d.depot = p.depot AND d.slip = p.slip AND d.nth = p.nth
JOIN hires AS h ON h.depot = d.depot AND h.slip = d.slip
