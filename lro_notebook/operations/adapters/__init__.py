"""Operations that other libraries hold, behind the interface of a source."""
