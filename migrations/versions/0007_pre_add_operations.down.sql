-- the functions that take such a row go with it; an upgrade makes them again
drop table taskflow.operation_item, taskflow.operation cascade;
