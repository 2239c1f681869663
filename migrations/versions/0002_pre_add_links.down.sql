-- the functions that take or answer this type go with it; an upgrade makes them again
drop type taskflow.unique_rule cascade;
drop table taskflow.dependency;
drop table taskflow.unique_window;
