//! Sent = wire = received: the three-way comparison of a picture. Pure: it is given bytes and accounts, opens nothing.
